"""The lab's command line: results on standard output, messages beside it, exit codes 0, 1 and 2."""

from __future__ import annotations

import os
import re
import signal
import sys
from pathlib import Path

import pytest
from filelock import FileLock
from typer.testing import CliRunner, Result

from lab import api, cache, cli, doctor, paths
from lab.steps import StepError

COMMANDS = {"up", "down", "stop", "build", "status", "logs", "kubeconfig", "ca", "doctor", "clean"}
ROWS = [("etcd", 7, 3 * 2**20), ("kubelet", 8, 2**20), ("pods and their shims", None, 2**20)]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lab's home of the test's own, where no lab runs; no colour, whatever the build service asks for."""
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.setenv("MLFLOW_LAB_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(os, "sync", lambda: None)
    return tmp_path / "home"


def _lab(*args: str) -> Result:
    return CliRunner().invoke(cli.app, args)


def _help(*args: str) -> str:
    said = _lab(*args, "--help")
    assert said.exit_code == 0
    return re.sub(r"\x1b\[[0-9;]*m", "", said.stdout)


def test_help_names_every_command_and_the_exit_codes() -> None:
    assert "Exit codes: 0 done, 1 failed, 2 wrong usage." in " ".join(_help().split())
    assert {
        command.name or command.callback.__name__
        for command in cli.app.registered_commands
        if command.callback
    } == COMMANDS


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_each_command_says_what_it_does(command: str) -> None:
    assert command in _help()
    assert f"{command} [OPTIONS]" in _help(command)


@pytest.mark.parametrize(
    "args", [["nonsense"], ["up", "extra"], ["logs", "--lines", "0"], ["logs", "--lines", "x"]]
)
def test_wrong_usage_is_exit_code_2(args: list[str]) -> None:
    assert _lab(*args).exit_code == 2


def test_status_of_a_lab_that_is_down_is_exit_code_1_and_says_how_to_bring_it_up() -> None:
    said = _lab("status")
    assert said.exit_code == 1
    assert said.stdout == "The lab is down: python -m lab up\n"


def test_status_shows_each_part_with_its_memory_and_the_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "status", lambda: ROWS)
    said = _lab("status")
    assert said.exit_code == 0
    table = [line.split() for line in said.stdout.splitlines()]
    assert table[0] == ["part", "pid", "MiB"]
    assert table[1:3] == [["etcd", "7", "3"], ["kubelet", "8", "1"]]
    assert table[-1] == ["total", "5"]


def test_status_of_a_lab_with_a_part_down_is_exit_code_1(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "status", lambda: [("etcd", None, 0), *ROWS[1:]])
    assert _lab("status").exit_code == 1


@pytest.fixture
def logs(home: Path) -> Path:
    (home / "logs" / "build").mkdir(parents=True)
    (home / "logs" / "etcd.log").write_text("".join(f"line {number}\n" for number in range(100)))
    (home / "logs" / "build" / "coredns-0a.log").write_text("built\n")
    return home / "logs"


def test_logs_lists_parts_and_builds(logs: Path) -> None:
    assert _lab("logs").stdout == "build/coredns-0a\netcd\n"


def test_logs_prints_the_last_lines(logs: Path) -> None:
    assert _lab("logs", "etcd", "--lines", "2").stdout == "line 98\nline 99\n"
    assert len(_lab("logs", "etcd").stdout.splitlines()) == 50
    assert _lab("logs", "build/coredns-0a").stdout == "built\n"


def test_the_log_of_an_unknown_part_is_exit_code_2_and_names_the_known_ones(logs: Path) -> None:
    said = _lab("logs", "nonsense")
    assert said.exit_code == 2
    assert said.stdout == ""
    assert "'nonsense'" in said.stderr
    assert "etcd" in said.stderr


def test_without_any_log_none_is_known() -> None:
    assert _lab("logs").stdout.strip() == ""
    assert "none" in _lab("logs", "etcd").stderr


def test_kubeconfig_prints_its_path_and_nothing_else(home: Path) -> None:
    assert _lab("kubeconfig").stdout == f"{home / 'run' / 'kubeconfig'}\n"


@pytest.mark.parametrize(("good", "code"), [(True, 0), (False, 1)])
def test_doctor_prints_the_fix_of_what_is_not_good(
    good: bool, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    findings = [
        doctor.Finding("disk", True, "buy one"),
        doctor.Finding("[overlay]", good, "modprobe [overlay]"),
    ]
    monkeypatch.setattr(doctor, "examine", lambda: findings)
    said = _lab("doctor")
    assert said.exit_code == code
    assert said.stdout == "✓ disk\n" + ("✓ [overlay]\n" if good else "✗ [overlay]: modprobe [overlay]\n")


def test_down_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "down", lambda: None)
    said = _lab("down")
    assert (said.exit_code, said.stdout, said.stderr) == (0, "", "✓ The lab is down\n")


def _build(version: int, used: float) -> Path:
    final = cache.cached("thing", {"version": version}, lambda out, log: (out / "file").touch())
    os.utime(final, (used, used))
    return final


def test_clean_removes_builds_that_newer_ones_have_replaced(home: Path) -> None:
    old, new = _build(1, 100), _build(2, 200)
    (home / "bin").mkdir()
    said = _lab("clean")
    assert said.exit_code == 0
    assert said.stdout.startswith("Builds removed: 1 (")
    assert (old.exists(), new.exists(), (home / "bin").exists()) == (False, True, True)


def test_clean_of_all_removes_current_builds_and_programs_too(home: Path) -> None:
    _build(1, 100)
    (home / "bin").mkdir()
    assert _lab("clean", "--all").exit_code == 0
    assert not (home / "bin").exists()
    assert list((home / "cache").iterdir()) == []


def test_clean_without_a_lab_makes_none(home: Path) -> None:
    assert _lab("clean").exit_code == 0
    assert not home.exists()


def test_clean_of_all_is_refused_while_the_lab_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    build = _build(1, 100)
    monkeypatch.setattr(api, "status", lambda: ROWS)
    said = _lab("clean", "--all")
    assert isinstance(said.exception, StepError)
    assert "python -m lab down" in str(said.exception)
    assert build.exists()
    assert _lab("clean").exit_code == 0


def test_clean_is_refused_while_the_lab_is_brought_up() -> None:
    old, _ = _build(1, 100), _build(2, 200)
    with FileLock(paths.root() / "lab.lock"):
        said = _lab("clean")
    assert isinstance(said.exception, StepError)
    assert old.exists()


def test_a_failed_step_is_one_message_as_it_is_and_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The last lines of a log may hold anything, also what looks like markup."""

    def up() -> None:
        raise StepError("Image mlflow: tar failed (2)\n[/bold] no [space] left")

    monkeypatch.setattr(api, "up", up)
    monkeypatch.setattr(sys, "argv", ["lab", "up"])
    monkeypatch.setattr(signal, "signal", lambda number, handler: None)
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 1
    assert capsys.readouterr() == ("", "error: Image mlflow: tar failed (2)\n[/bold] no [space] left\n")
