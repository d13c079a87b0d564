"""Programs of the running lab: started once, known by pid and start time, ended for good."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from lab import paths
from lab.cluster import processes
from lab.cluster.processes import NotReadyError, Program, end, find
from tests.unit.running import ended, number_in


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A lab's home of the test's own; whatever a test leaves running is killed, and its exit code fetched."""
    monkeypatch.setenv("MLFLOW_LAB_HOME", str(tmp_path))
    started: list[subprocess.Popen[bytes]] = []

    class Recorded(subprocess.Popen[bytes]):
        def __init__(self, *args: object, **options: object) -> None:
            super().__init__(*args, **options)  # type: ignore[call-overload]
            started.append(self)

    paths.run().mkdir()
    monkeypatch.setattr(processes.subprocess, "Popen", Recorded)  # type: ignore[attr-defined]
    yield tmp_path
    for process in started:
        process.kill()
        process.wait()


def _started() -> bool:
    return (paths.run() / "pids" / "part.json").exists()


def _program(script: str, ready: Callable[[], bool] = _started, timeout: float = 5.0) -> Program:
    return Program("part", ["sh", "-c", script], ready, {"GIVEN": "yes"}, timeout)


def test_started_it_runs_in_the_run_folder_with_its_environment_and_output_in_its_log() -> None:
    program = _program(
        "echo $GIVEN; pwd; echo wrong >&2; touch up; exec sleep 60", (paths.run() / "up").exists
    )
    assert program.process() is None
    program.start()
    program.wait()
    process = program.process()
    assert process is not None
    assert program.log.read_text() == f"yes\n{paths.run()}\nwrong\n"
    assert json.loads(program.record.read_text()) == {"pid": process.pid, "created": process.create_time()}


def test_what_serves_is_not_started_again() -> None:
    program = _program("exec sleep 60")
    program.start()
    first = program.process()
    program.start()
    assert first is not None
    assert program.process() == first


def test_one_whose_start_was_killed_before_it_was_written_down_is_found(tmp_path: Path) -> None:
    serves = tmp_path / "serves"
    program = _program(f"touch {serves}; while :; do sleep 0.02; done", serves.exists)
    program.start()
    program.wait()
    first = program.process()
    program.record.unlink()
    assert not program.start()
    assert processes.find(program.record) == first is not None


def test_what_another_build_has_replaced_is_started_again(tmp_path: Path) -> None:
    file = tmp_path / "program"
    shutil.copy(shutil.which("sleep") or "", file)
    program = Program("part", [file, "60"], lambda: program.process() is not None)
    program.start()
    first = program.process()
    assert first is not None
    shutil.copy(file, tmp_path / "new")
    (tmp_path / "new").replace(file)
    assert program.start()
    assert ended(first.pid)
    assert program.process() not in (None, first)


def test_what_runs_and_does_not_serve_is_ended_and_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "PATIENCE", 0.05)
    program = _program("exec sleep 60", lambda: False)
    program.start()
    first = program.process()
    program.start()
    assert first is not None
    assert ended(first.pid)
    assert program.process() not in (None, first)


def test_ended_at_its_start_it_is_told_at_once_with_the_last_lines() -> None:
    program = _program("echo cannot bind; exit 1", lambda: False, timeout=60)
    began = time.monotonic()
    program.start()
    with pytest.raises(NotReadyError) as failure:
        program.wait()
    assert str(failure.value) == f"part ended; log: {program.log}\ncannot bind"
    assert time.monotonic() - began < 5


def test_another_program_in_its_place_is_told_and_nothing_is_started() -> None:
    program = _program("exec sleep 60", lambda: True)
    with pytest.raises(NotReadyError, match=r"^part: another program answers .* `python -m lab doctor`"):
        program.start()
    assert not program.log.exists()


def test_one_that_ended_is_not_ready_whoever_answers() -> None:
    program = _program("echo cannot bind; exit 1")
    program.start()
    while program.process() is not None:
        time.sleep(0.01)
    with pytest.raises(NotReadyError, match="part ended"):
        program.wait()


def test_others_can_read_what_it_writes_whatever_the_person_s_own_files_are() -> None:
    before = os.umask(0o077)
    try:
        program = _program("touch file; exec sleep 60", (paths.run() / "file").exists)
        program.start()
        program.wait()
    finally:
        os.umask(before)
    assert (paths.run() / "file").stat().st_mode & 0o777 == 0o644


def test_not_ready_in_its_time_is_told_with_the_last_lines() -> None:
    program = _program("echo waiting for a disk; exec sleep 60", lambda: False, timeout=0.2)
    program.start()
    with pytest.raises(NotReadyError, match=r"^part not ready in 0 s; log: (.*)\nwaiting for a disk$"):
        program.wait()


def test_a_clock_that_was_set_hides_no_program() -> None:
    """The kernel tells the boot in whole seconds of the wall clock, and a process's start by it."""
    program = _program("exec sleep 60")
    program.start()
    known = json.loads(program.record.read_text())
    program.record.write_text(json.dumps({**known, "created": known["created"] - 1}))
    assert program.process() == psutil.Process(known["pid"])


def test_one_that_ended_and_that_nobody_has_asked_about_does_not_run() -> None:
    program = _program("exec sleep 60")
    program.start()
    process = program.process()
    assert process is not None
    process.kill()
    while process.status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    assert program.process() is None


def test_a_reused_pid_is_not_taken_for_the_program() -> None:
    """After a reboot the same pid may be anybody's."""
    program = _program("exec sleep 60")
    program.start()
    known = json.loads(program.record.read_text())
    assert find(program.record) == psutil.Process(known["pid"])
    program.record.write_text(json.dumps({**known, "created": known["created"] - 60}))
    assert find(program.record) is None


@pytest.mark.parametrize("text", ["", "{", "{}", '{"pid": 1}'], ids=["empty", "cut", "nothing", "half"])
def test_a_record_that_is_not_whole_names_no_process(text: str, tmp_path: Path) -> None:
    (tmp_path / "part.json").write_text(text)
    assert find(tmp_path / "part.json") is None
    assert find(tmp_path / "none.json") is None


def test_ended_are_those_that_listen_and_those_that_do_not(tmp_path: Path) -> None:
    """The first by SIGTERM, with time to tidy up; the others by SIGKILL."""
    polite, deaf, gone = (tmp_path / name for name in ("polite", "deaf", "gone"))
    scripts = [
        f"trap 'echo tidy; exit' TERM; echo $$ > {polite}; while :; do sleep 0.02; done",
        f"trap 'echo deaf' TERM; echo $$ > {deaf}; while :; do sleep 0.02; done",
        f"echo $$ > {gone}",
    ]
    programs = [Program(str(n), ["sh", "-c", script], lambda: False) for n, script in enumerate(scripts)]
    for program in programs:
        program.start()
    pids = [number_in(file) for file in (polite, deaf, gone)]
    end([psutil.Process(pid) for pid in pids], grace=0.5)
    assert all(ended(pid) for pid in pids)
    assert programs[0].log.read_text() == "tidy\n"
