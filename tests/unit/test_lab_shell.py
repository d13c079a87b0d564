"""Programs run to their end with their output in a log, tell no argument, and outlive nobody."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from lab import shell
from tests.unit.running import ended, number_in

SECRET = "hunter2-in-the-arguments"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "a.log"


def test_output_and_errors_are_appended_to_the_log(log: Path) -> None:
    shell.run(["echo", "one"], log=log)
    shell.run(["sh", "-c", "echo two >&2"], log=log)
    assert log.read_text() == "one\ntwo\n"


def test_a_failure_names_program_code_log_and_last_lines_and_no_argument(log: Path) -> None:
    with pytest.raises(shell.CommandError) as failure:
        shell.run(["/bin/sh", "-c", "seq 100; exit 7", SECRET], log=log)
    last = "\n".join(map(str, range(86, 101)))
    assert str(failure.value) == f"sh failed (7); log: {log}\n{last}"
    assert SECRET not in log.read_text()


def test_a_program_that_is_not_there_fails_by_its_name(log: Path) -> None:
    with pytest.raises(
        shell.CommandError, match=r"^no-such-program failed \(127\)(.|\n)*No such file"
    ) as failure:
        shell.run(["no-such-program", SECRET], log=log)
    assert SECRET not in str(failure.value)


def test_standard_input_is_given_whole_and_else_empty(log: Path) -> None:
    text = "line\n" * 50_000
    shell.run(["wc", "-c"], log=log, stdin=text)
    shell.run(["wc", "-c"], log=log)
    assert log.read_text() == f"{len(text)}\n0\n"


def test_environment_and_folder_are_those_given(log: Path, tmp_path: Path) -> None:
    shell.run(["sh", "-c", "echo $GIVEN $HOME; pwd"], log=log, env={"GIVEN": "yes"}, cwd=tmp_path)
    assert log.read_text() == f"yes\n{tmp_path}\n"


def test_what_it_writes_is_for_all_to_read(log: Path, tmp_path: Path) -> None:
    """Also where the person keeps own files to himself: pods run as another user."""
    before = os.umask(0o077)
    try:
        shell.run(["mkdir", tmp_path / "folder"], log=log)
    finally:
        os.umask(before)
    assert (tmp_path / "folder").stat().st_mode & 0o777 == 0o755


def test_the_last_lines_of_a_log_or_that_there_is_none(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(b"one\ntwo\n\xff three")
    assert shell.tail(tmp_path / "a.log", 2) == "two\n\N{REPLACEMENT CHARACTER} three"
    assert shell.tail(tmp_path / "b.log") == f"(no log at {tmp_path / 'b.log'})"


def _in_a_thread(stop: threading.Event, command: list[str], log: Path) -> tuple[threading.Thread, list[str]]:
    said: list[str] = []

    def work() -> None:
        shell.stopping.set(stop)
        try:
            shell.run(command, log=log)
        except shell.CancelledError as error:
            said.append(str(error))

    thread = threading.Thread(target=work)
    thread.start()
    return thread, said


@pytest.mark.parametrize("deaf", ["", "trap '' TERM;"], ids=["obedient", "deaf"])
def test_given_up_a_program_ends_with_all_it_started(
    deaf: str, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that does not listen is killed after a time of grace."""
    monkeypatch.setattr(shell, "GRACE", 0.2)
    stop = threading.Event()
    script = f"{deaf} sleep 60 & echo $! > {tmp_path}/child; echo $$ > {tmp_path}/own; wait; wait"
    thread, said = _in_a_thread(stop, ["sh", "-c", script], log)
    pids = [number_in(tmp_path / "child"), number_in(tmp_path / "own")]
    stop.set()
    thread.join(5)
    assert said == ["sh was stopped"]
    assert all(ended(pid) for pid in pids)


def test_given_up_nothing_is_started_any_more(log: Path) -> None:
    stop = threading.Event()
    stop.set()
    thread, said = _in_a_thread(stop, ["echo"], log)
    thread.join(5)
    assert said == ["echo was not started"]
    assert not log.exists()


def test_an_interrupt_ends_the_program(log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> bool:
        if (tmp_path / "pid").exists():
            raise KeyboardInterrupt
        return False

    monkeypatch.setattr(shell, "cancelled", interrupted)
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        shell.run(["sh", "-c", f"echo $$ > {tmp_path}/pid; exec sleep 60"], log=log)
    assert ended(number_in(tmp_path / "pid"))
    assert time.monotonic() - began < 5
