"""Steps run in order and side by side; a failure or an interrupt ends all of them at once, and is told."""

from __future__ import annotations

import io
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from rich.console import Console

from lab import display, paths, shell, steps
from lab.steps import Step, StepError, run
from tests.unit.running import ended, number_in


def _console(monkeypatch: pytest.MonkeyPatch, terminal: bool) -> io.StringIO:
    out = io.StringIO()
    console = Console(
        file=out, force_terminal=terminal, force_interactive=terminal, highlight=False, soft_wrap=True
    )
    monkeypatch.setattr(steps, "console", console)
    return out


@pytest.fixture(autouse=True)
def printed(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What is printed where there is no terminal."""
    return _console(monkeypatch, terminal=False)


def _nothing() -> None:
    pass


def _fails() -> None:
    raise RuntimeError("no luck")


def test_each_step_comes_after_what_it_waits_for() -> None:
    done: list[str] = []

    def step(name: str, *after: str) -> Step:
        return Step(name, lambda: done.append(name), after)

    run([step("roof", "walls"), step("walls", "floor"), step("floor"), step("garden")])
    assert sorted(done) == ["floor", "garden", "roof", "walls"]
    assert [name for name in done if name != "garden"] == ["floor", "walls", "roof"]


def test_independent_steps_run_side_by_side_as_many_as_there_are_workers() -> None:
    meet = threading.Barrier(3, timeout=5)
    run([Step(str(number), meet.wait) for number in range(6)], workers=3)
    most, now, lock = 0, 0, threading.Lock()

    def count() -> None:
        nonlocal most, now
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.01)
        with lock:
            now -= 1

    run([Step(str(number), count) for number in range(6)], workers=2)
    assert most == 2


def test_after_a_failure_nothing_new_starts_and_the_message_names_step_and_cause(
    printed: io.StringIO,
) -> None:
    started: list[str] = []
    with pytest.raises(StepError, match=r"^bad: no luck$"):
        run(
            [
                Step("bad", _fails),
                Step("later", lambda: started.append("later"), ["bad"]),
                Step("other", lambda: started.append("other")),
            ],
            workers=1,
        )
    assert started == []
    assert "✗ bad\n" in printed.getvalue()
    assert "later" not in printed.getvalue()


def test_a_failed_program_is_told_with_its_last_lines_and_log(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    command = ["sh", "-c", "echo '[/b] no disk'; exit 3"]
    with pytest.raises(StepError) as failure:
        run([Step("bad", lambda: shell.run(command, log=log))])
    assert str(failure.value) == f"bad: sh failed (3); log: {log}\n[/b] no disk"


@pytest.mark.parametrize("text", [True, False])
def test_the_cause_tells_a_command_s_errors_and_none_of_its_arguments(text: bool) -> None:
    def call() -> None:
        subprocess.run(
            ["sh", "-c", "echo denied >&2; exit 2", "hunter2"], check=True, capture_output=True, text=text
        )

    with pytest.raises(StepError, match=r"^bad: sh failed \(2\)\ndenied$"):
        run([Step("bad", call)])


def test_the_cause_of_another_error_says_its_kind() -> None:
    with pytest.raises(StepError, match=r"^bad: KeyError: 'pid'$"):
        run([Step("bad", lambda: dict[str, int]()["pid"])])


def test_a_failure_ends_the_programs_of_other_steps_at_once(tmp_path: Path, printed: io.StringIO) -> None:
    pid = tmp_path / "pid"

    def fails() -> None:
        number_in(pid)
        _fails()

    began = time.monotonic()
    script = ["sh", "-c", f"echo $$ > {pid}; exec sleep 60"]
    with pytest.raises(StepError, match=r"^bad: no luck$"):
        run([Step("long", lambda: shell.run(script, log=tmp_path / "a.log")), Step("bad", fails)])
    assert time.monotonic() - began < 5
    assert ended(number_in(pid))
    assert printed.getvalue() == "✗ bad\n… stopping: long\n"


def test_a_step_that_cannot_be_ended_is_waited_for_only_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "GRACE", 0.05)
    free = threading.Event()
    try:
        with pytest.raises(StepError, match="no luck"):
            run([Step("deaf", free.wait), Step("bad", _fails)])
    finally:
        free.set()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([Step("a", _fails, ["b"])], r"unknown steps: \['b'\]"),
        (
            [Step("a", _fails), Step("b", _fails, ["c"]), Step("c", _fails, ["b"])],
            "each other: (b -> c -> b|c -> b -> c)",
        ),
        ([Step("a", _fails), Step("a", _fails)], "same name"),
    ],
    ids=["unknown", "cycle", "twice"],
)
def test_steps_that_do_not_fit_together_are_refused_before_the_first_runs(
    given: list[Step], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        run(given)


@contextmanager
def _clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[float], None]]:
    """Time that goes on only when a test says so."""
    now = 0.0

    def forward(seconds: float) -> None:
        nonlocal now
        now += seconds

    with monkeypatch.context() as patch:
        patch.setattr(display, "time", type("Clock", (), {"monotonic": staticmethod(lambda: now)}))
        yield forward


def test_without_a_terminal_only_long_steps_get_a_line_and_the_run_one(
    printed: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    with _clock(monkeypatch) as forward:
        run([Step("short", lambda: forward(1.9)), Step("long [x]", lambda: forward(12.3), ["short"])])
    assert printed.getvalue() == "✓ long [x] (12.3 s)\n✓ 2 steps (14.2 s)\n"


def test_without_a_terminal_one_line_now_and_then_tells_all_that_runs(
    printed: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    with _clock(monkeypatch) as forward:
        view = display.Display(steps.console, 38)
        for name in ("Chart", "Program kubernetes", "Image mlflow"):
            view.start(name)
        view.finish("Chart")
        forward(29)
        assert view.beat() == 1
        assert printed.getvalue() == ""
        forward(3)
        assert view.beat() == 30
        assert printed.getvalue() == "… 32 s: Program kubernetes, Image mlflow (1 of 38 done)\n"


def test_a_sign_of_life_comes_while_steps_run(printed: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(display, "HEARTBEAT", 0.02)
    run([Step("long", lambda: time.sleep(0.1))])
    assert printed.getvalue().startswith("… 0 s: long (0 of 1 done)\n")


def test_no_steps_print_nothing(printed: io.StringIO) -> None:
    run([])
    assert printed.getvalue() == ""


def test_on_a_terminal_what_runs_is_shown_live_and_each_finished_step_leaves_a_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = _console(monkeypatch, terminal=True)
    monkeypatch.setattr(display, "HEARTBEAT", 0.02)
    run([Step("quick [/x]", _nothing), Step("long", lambda: time.sleep(0.15), ["quick [/x]"])])
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", out.getvalue())
    assert "1 of 2 done 0:00:00" in plain
    assert re.search(r"^. long +0:00:00", plain, re.M)
    lines = [line.strip() for line in plain.splitlines() if "✓" in line]
    assert [re.sub(r"\d+\.\d s", "N s", line) for line in lines] == [
        "✓ quick [/x] (N s)",
        "✓ long (N s)",
        "✓ 2 steps (N s)",
    ]
    assert "…" not in plain


def test_an_interrupted_command_ends_soon_with_all_it_started(tmp_path: Path) -> None:
    """By Ctrl-C, told to end by a build service, or because its terminal goes."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    commands = {number: _long_command(tmp_path / number.name) for number in numbers}
    for number, command in commands.items():
        pid = number_in(tmp_path / f"{number.name}.pid")
        command.send_signal(number)
        _, said = command.communicate(timeout=10)
        assert command.returncode in (1, 130)
        assert ended(pid)
        assert "… stopping: long\n" in said
        assert "Traceback" not in said


def _long_command(base: Path) -> subprocess.Popen[str]:
    program = f"""
import signal
from pathlib import Path
from lab import cli, shell
from lab.steps import Step, run
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
script = ["sh", "-c", "echo $$ > {base}.pid; exec sleep 60"]
cli.api.up = lambda: run([Step("long", lambda: shell.run(script, log=Path("{base}.log")))])
cli.main()
"""
    command = [sys.executable, "-c", program, "up"]
    return subprocess.Popen(command, cwd=paths.REPO, stderr=subprocess.PIPE, text=True)
