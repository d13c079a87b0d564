"""How `pulumi` is run: ended early in order, and waited for."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from ops import stack
from ops.console import OpsError

ENGINE = """#!{python}
import pathlib, signal, sys, time
def end(*_):
    pathlib.Path("ended").write_text("in order")
    sys.exit(255)
signal.signal(signal.SIGINT, end)
pathlib.Path("started").touch()
{rest}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a program called `pulumi` runs that takes a minute, or ends in order when it is asked to."""
    _program(tmp_path, "time.sleep(60)")
    monkeypatch.setattr(stack, "LOOKS", 0.02)
    return tmp_path


def _program(folder: Path, rest: str) -> None:
    program = folder / "pulumi"
    program.write_text(ENGINE.format(python=sys.executable, rest=rest))
    program.chmod(0o755)


def run(folder: Path, **options: object) -> str:
    path = os.pathsep.join([str(folder), os.environ["PATH"]])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", path)
        return stack.pulumi("up", env=dict(os.environ), cwd=folder, **options)  # type: ignore[arg-type]


def test_a_run_that_has_lasted_enough_is_ended_in_order_and_waited_for(folder: Path) -> None:
    with pytest.raises(OpsError, match="exit code 255"):
        run(folder, enough=(folder / "started").exists)
    assert (folder / "ended").read_text() == "in order"


def test_it_is_asked_to_end_once(folder: Path) -> None:
    """A second signal would make `pulumi` drop everything."""
    asked: list[bool] = []

    def enough() -> bool:
        asked.append((folder / "started").exists())
        return asked[-1]

    with pytest.raises(OpsError):
        run(folder, enough=enough)
    assert asked.count(True) == 1


def test_a_run_that_ends_well_meanwhile_is_no_failure(folder: Path) -> None:
    _program(folder, "time.sleep(.1); print('done')")
    assert run(folder, enough=lambda: False) == "done\n"
    assert not (folder / "ended").exists()


def test_what_is_asked_for_on_standard_input_is_given_once(folder: Path) -> None:
    _program(folder, "time.sleep(.1); print(sys.stdin.read())")
    assert run(folder, stdin="secret", enough=lambda: False) == "secret\n"


def test_after_ctrl_c_while_looking_the_end_of_the_run_is_waited_for(folder: Path) -> None:
    """A terminal sends `pulumi` the signal too; here it ends by itself, later than Python would wait."""
    # A shell in the background has Ctrl-C ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    _program(folder, "time.sleep(.8); pathlib.Path('ended').touch()")

    def enough() -> bool:
        if (folder / "started").exists():
            signal.raise_signal(signal.SIGINT)
        return False

    try:
        with pytest.raises(KeyboardInterrupt):
            run(folder, enough=enough)
    finally:
        signal.signal(signal.SIGINT, before)
    assert (folder / "ended").exists()


def test_without_pulumi_it_is_said_where_it_comes_from(tmp_path: Path) -> None:
    with pytest.raises(OpsError, match="pulumi is not on PATH"):
        stack.pulumi("up", env={"PATH": str(tmp_path)})


def test_the_backend_is_the_one_that_the_variable_names_or_else_pulumi(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PULUMI_BACKEND_URL", raising=False)
    (folder / "pulumi").write_text("""#!/bin/sh\necho '{"url": "https://state.example.com"}'\n""")
    env = {"PATH": str(folder)}
    assert stack.Stack("dev", env).backend() == "https://state.example.com"
    env["PULUMI_BACKEND_URL"] = "s3://state"
    assert stack.Stack("dev", env).backend() == "s3://state"
