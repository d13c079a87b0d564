"""What `make recover` does to a lock and to a state, without a cluster; the end-to-end tests do the rest."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from kubernetes.client.exceptions import ApiException

from ops import recover
from ops.console import OpsError
from ops.stack import Stack

URN = "urn:pulumi:dev::mlflow::mlflow:index:MlflowTracking$kubernetes:core/v1:Secret::mlflow-s3-creds"


class Recorded(Stack):
    """A stack on a folder; the commands that `pulumi` would get are kept."""

    asked: list[tuple[tuple[str, ...], str]]

    def __init__(self, folder: Path) -> None:
        super().__init__("dev", {"PULUMI_BACKEND_URL": f"file://{folder}"})
        object.__setattr__(self, "asked", [])

    def read(self, *args: str, stdin: str = "") -> str:
        self.asked.append((args, stdin))
        return ""

    def backend(self) -> str:
        return self.env["PULUMI_BACKEND_URL"]


@pytest.fixture
def stack(tmp_path: Path) -> Recorded:
    return Recorded(tmp_path)


def lock(folder: Path, pid: int, host: str) -> None:
    """Write a lock as Pulumi's file backend does."""
    place = folder / ".pulumi/locks/organization/mlflow/dev"
    place.mkdir(parents=True)
    told = {"pid": pid, "username": "me", "hostname": host, "timestamp": "2026-11-24T22:34:21Z"}
    (place / "some-id.json").write_text(json.dumps(told))


@pytest.fixture
def dead() -> int:
    """The pid of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[int]:
    """The pid of a live program that is called `pulumi`."""
    program = tmp_path / "pulumi"
    program.symlink_to("/bin/sleep")
    with subprocess.Popen([str(program), "60"]) as process:
        yield process.pid
        process.kill()


def test_a_dead_run_s_lock_is_released(stack: Recorded, tmp_path: Path, dead: int) -> None:
    lock(tmp_path, dead, socket.gethostname())
    assert list(recover._unlock(stack)) == ["released 1 lock(s)"]
    assert [args for args, _ in stack.asked] == [("cancel", "--yes")]


def test_a_live_run_keeps_its_lock(stack: Recorded, tmp_path: Path, engine: int) -> None:
    lock(tmp_path, engine, socket.gethostname())
    with pytest.raises(OpsError, match=rf"pulumi works on stack dev .*pid {engine}.*wait for its end"):
        list(recover._unlock(stack))
    assert stack.asked == []


def test_another_machine_s_lock_is_a_person_s_to_judge(stack: Recorded, tmp_path: Path, dead: int) -> None:
    lock(tmp_path, dead, "elsewhere")
    with pytest.raises(OpsError, match=r"locked by elsewhere .*`pulumi cancel --stack dev`"):
        list(recover._unlock(stack))
    assert stack.asked == []


def test_a_pid_that_another_program_has_now_is_no_live_run(stack: Recorded, tmp_path: Path) -> None:
    lock(tmp_path, os.getpid(), socket.gethostname())
    assert list(recover._unlock(stack)) == ["released 1 lock(s)"]


def test_backends_without_lock_files_show_none() -> None:
    assert recover.locks("https://api.pulumi.com", "dev") == []


def operation(kind: str, **metadata: str) -> dict[str, Any]:
    """A pending operation on the S3 Secret."""
    resource = {"urn": URN, "type": recover.SECRET, "inputs": {"metadata": metadata}, "custom": True}
    return {"type": kind, "resource": resource}


@pytest.mark.parametrize("exists", [True, False])
def test_what_was_made_but_not_recorded_is_taken_into_the_state(stack: Recorded, *, exists: bool) -> None:
    def read(name: str, namespace: str) -> None:
        assert (name, namespace) == ("mlflow-s3-creds", "mlflow")
        if not exists:
            raise ApiException(status=404)

    cut = operation("creating", name="mlflow-s3-creds", namespace="mlflow")
    state = {"version": 3, "deployment": {"resources": [], "pending_operations": [cut]}}
    api: Any = SimpleNamespace(read_namespaced_secret=read)
    recover._settle(stack, state, [cut], api)
    (imported, written), *refreshed = stack.asked
    assert imported == ("stack", "import")
    deployment = json.loads(written)["deployment"]
    assert "pending_operations" not in deployment
    assert [kept["id"] for kept in deployment["resources"]] == (["mlflow/mlflow-s3-creds"] if exists else [])
    wanted = [("refresh", "--yes", "--skip-preview", f"--target={URN}")] if exists else []
    assert [args for args, _ in refreshed] == wanted


def test_a_cut_update_is_read_again(stack: Recorded) -> None:
    cut = operation("updating", name="mlflow-s3-creds", namespace="mlflow")
    known = {**cut["resource"], "id": "mlflow/mlflow-s3-creds"}
    state = {"version": 3, "deployment": {"resources": [known], "pending_operations": [cut]}}
    api: Any = SimpleNamespace()
    recover._settle(stack, state, [cut], api)
    assert stack.asked[1][0] == ("refresh", "--yes", "--skip-preview", f"--target={URN}")


def test_an_api_error_other_than_not_found_is_no_answer(stack: Recorded) -> None:
    def read(*_: str) -> None:
        raise ApiException(status=403)

    api: Any = SimpleNamespace(read_namespaced_secret=read)
    cut = operation("creating", name="mlflow-s3-creds", namespace="mlflow")
    with pytest.raises(ApiException, match="403"):
        recover._settle(stack, {"deployment": {"pending_operations": [cut]}}, [cut], api)
    assert stack.asked == []


def test_a_program_without_its_engine_is_ended(tmp_path: Path) -> None:
    """It would wait for ever; one of another backend is somebody else's."""
    runner = tmp_path / recover.PROGRAM_RUNNER
    runner.write_text("import time; time.sleep(60)")
    stack = Stack("dev", {"PULUMI_BACKEND_URL": f"file://{tmp_path}"})
    mine, other = (
        subprocess.Popen([sys.executable, str(runner)], env={**os.environ, "PULUMI_BACKEND_URL": url})
        for url in (f"file://{tmp_path}", "file:///elsewhere")
    )
    try:
        while not all(str(runner) in psutil.Process(process.pid).cmdline() for process in (mine, other)):
            pass
        ended = list(recover._end_orphans(stack))
        assert [told.rpartition("(")[2] for told in ended] == [f"pid {mine.pid})"]
        assert not psutil.pid_exists(mine.pid)
        assert other.poll() is None
    finally:
        for process in (mine, other):
            process.kill()
            process.wait()
