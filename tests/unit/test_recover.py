"""What `make recover` does to a lock and to a state, without a cluster; the end-to-end tests do the rest."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from kubernetes.client.exceptions import ApiException

from components.tokens import RELEASE, SECRET
from ops import cluster, recover
from ops.console import OpsError
from ops.stack import PROGRAM, Stack

URN = "urn:pulumi:dev::mlflow::mlflow:index:MlflowTracking$kubernetes:core/v1:Secret::mlflow-s3-creds"


class Recorded(Stack):
    """A stack on a folder, or on another backend; the commands that `pulumi` would get are kept."""

    asked: list[tuple[tuple[str, ...], str]]
    state: dict[str, Any]
    locked: bool
    """Whether another `pulumi` has the backend's lock."""

    def __init__(self, backend: str) -> None:
        super().__init__("dev", {"PULUMI_BACKEND_URL": backend})
        for name, value in {"asked": [], "state": {}, "locked": False}.items():
            object.__setattr__(self, name, value)

    def read(self, *args: str, stdin: str = "") -> str:
        self.asked.append((args, stdin))
        if args == ("stack", "export"):
            return json.dumps(self.state)
        if args == ("stack", "import") and self.locked:
            raise OpsError("the stack is currently locked by 1 lock(s)")
        return ""

    def config(self) -> dict[str, str]:
        return {"namespace": "mlflow", "releaseName": "mlflow"}

    def backend(self) -> str:
        return self.env["PULUMI_BACKEND_URL"]


@pytest.fixture
def stack(tmp_path: Path) -> Recorded:
    return Recorded(f"file://{tmp_path}")


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
    assert list(recover._unlock(stack, stack.backend())) == ["released 1 lock(s)"]
    assert [args for args, _ in stack.asked] == [("cancel", "--yes")]


def test_a_live_run_keeps_its_lock(stack: Recorded, tmp_path: Path, engine: int) -> None:
    lock(tmp_path, engine, socket.gethostname())
    with pytest.raises(
        OpsError, match=rf"pulumi has been working on stack dev .*pid {engine}.*wait until it ends"
    ):
        list(recover._unlock(stack, stack.backend()))
    assert stack.asked == []


def test_another_machine_s_lock_is_a_person_s_to_judge(stack: Recorded, tmp_path: Path, dead: int) -> None:
    lock(tmp_path, dead, "elsewhere")
    with pytest.raises(OpsError, match=r"locked by elsewhere .*`pulumi cancel --stack dev`"):
        list(recover._unlock(stack, stack.backend()))
    assert stack.asked == []


def test_a_pid_that_another_program_has_now_is_no_live_run(stack: Recorded, tmp_path: Path) -> None:
    lock(tmp_path, os.getpid(), socket.gethostname())
    assert list(recover._unlock(stack, stack.backend())) == ["released 1 lock(s)"]


@pytest.mark.parametrize("name", ["dev", "organization/mlflow/dev"])
def test_a_stack_s_locks_are_found_by_its_whole_name_too(tmp_path: Path, name: str) -> None:
    lock(tmp_path, 1, "elsewhere")
    assert [held.host for held in recover.locks(f"file://{tmp_path}", name)] == ["elsewhere"]


def test_backends_without_lock_files_show_none() -> None:
    assert recover.locks("https://api.pulumi.com", "dev") == []


def operation(kind: str, **metadata: str) -> dict[str, Any]:
    """A pending operation on the S3 Secret."""
    resource = {"urn": URN, "type": SECRET, "inputs": {"metadata": metadata}, "custom": True}
    return {"type": kind, "resource": resource}


class Cluster:
    """The Secrets of a namespace: Helm's records by name with their status, and the S3 keys' where made."""

    def __init__(self, *, exists: bool = False, **records: str) -> None:
        self.exists, self.records = exists, records
        self.status = 404

    def read_namespaced_secret(self, name: str, namespace: str) -> object:
        assert (name, namespace) == ("mlflow-s3-creds", "mlflow")
        if not self.exists:
            raise ApiException(status=self.status)
        return object()

    def list_namespaced_secret(self, namespace: str, label_selector: str) -> Any:
        assert label_selector.startswith("owner=helm,name=mlflow")
        asked = recover.PENDING in label_selector
        names = [name for name, status in self.records.items() if not asked or status.startswith("pending")]
        return SimpleNamespace(items=[SimpleNamespace(metadata=SimpleNamespace(name=name)) for name in names])

    def delete_namespaced_secret(self, name: str, namespace: str) -> None:
        del self.records[name]


def recovered(stack: Recorded, api: Cluster, monkeypatch: pytest.MonkeyPatch, **state: Any) -> list[str]:
    """Recover a stack of this state in this cluster."""
    object.__setattr__(stack, "state", {"version": 3, "deployment": state})
    monkeypatch.setattr(cluster, "connect", lambda _: api)
    monkeypatch.setattr(recover, "_end_orphans", lambda _: iter(()))
    return recover.recover(stack)


def done(stack: Recorded) -> list[str]:
    """What was asked of `pulumi` that changes something."""
    return [" ".join(args) for args, _ in stack.asked if args != ("stack", "export")]


ELSEWHERE = "s3://bucket"


@pytest.mark.parametrize("backend", ["file", ELSEWHERE])
@pytest.mark.parametrize("exists", [True, False])
def test_what_was_made_but_not_recorded_is_taken_into_the_state(
    stack: Recorded, monkeypatch: pytest.MonkeyPatch, backend: str, *, exists: bool
) -> None:
    """By one import, on whichever backend: a second one would find no operations any more."""
    stack = stack if backend == "file" else Recorded(backend)
    cut = operation("creating", name="mlflow-s3-creds", namespace="mlflow")
    api = Cluster(exists=exists, v2="pending-upgrade")
    mended = recovered(stack, api, monkeypatch, resources=[], pending_operations=[cut])
    assert mended == ["dropped Helm's record v2", "creating mlflow-s3-creds"]
    assert api.records == {}
    refresh = f"refresh --yes --skip-preview --target={URN}"
    assert done(stack) == ["stack import", *([refresh] if exists else [])]
    (written,) = [stdin for args, stdin in stack.asked if args == ("stack", "import")]
    deployment = json.loads(written)["deployment"]
    assert "pending_operations" not in deployment
    assert [kept["id"] for kept in deployment["resources"]] == (["mlflow/mlflow-s3-creds"] if exists else [])


def test_a_cut_update_is_read_again(stack: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    cut = operation("updating", name="mlflow-s3-creds", namespace="mlflow")
    known = {**cut["resource"], "id": "mlflow/mlflow-s3-creds"}
    recovered(stack, Cluster(), monkeypatch, resources=[known], pending_operations=[cut])
    assert done(stack)[-1] == f"refresh --yes --skip-preview --target={URN}"


def test_an_api_error_other_than_not_found_is_no_answer(
    stack: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = Cluster(v2="pending-upgrade")
    api.status = 403
    cut = operation("creating", name="mlflow-s3-creds", namespace="mlflow")
    with pytest.raises(ApiException, match="403"):
        recovered(stack, api, monkeypatch, pending_operations=[cut])
    assert done(stack) == []
    assert api.records == {"v2": "pending-upgrade"}


def test_a_first_install_that_is_not_in_the_state_loses_all_records(
    stack: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut = {"type": "creating", "resource": {"urn": "urn::release", "type": RELEASE}}
    api = Cluster(v1="deployed")
    recovered(stack, api, monkeypatch, pending_operations=[cut])
    assert api.records == {}


@pytest.mark.parametrize("pending", [[], [operation("updating", name="mlflow-s3-creds", namespace="mlflow")]])
def test_elsewhere_nothing_is_touched_while_another_run_has_the_lock(
    monkeypatch: pytest.MonkeyPatch, pending: list[dict[str, Any]]
) -> None:
    """A live upgrade looks the same as one that was cut short."""
    stack, api = Recorded(ELSEWHERE), Cluster(v1="superseded", v2="pending-upgrade")
    object.__setattr__(stack, "locked", True)
    with pytest.raises(OpsError, match=r"wait until it ends; if nobody .*`pulumi cancel --stack dev`, then"):
        recovered(stack, api, monkeypatch, resources=[], pending_operations=pending)
    assert api.records == {"v1": "superseded", "v2": "pending-upgrade"}
    assert done(stack) == ["stack import"]


def test_elsewhere_the_turn_is_taken_with_the_state_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    stack, api = Recorded(ELSEWHERE), Cluster(v1="deployed", v2="pending-upgrade")
    assert recovered(stack, api, monkeypatch, resources=[{"urn": URN}]) == ["dropped Helm's record v2"]
    assert api.records == {"v1": "deployed"}
    (written,) = [stdin for args, stdin in stack.asked if args == ("stack", "import")]
    assert json.loads(written) == stack.state


@pytest.mark.parametrize("backend", ["file", ELSEWHERE])
def test_where_nothing_is_stuck_nothing_is_written(
    stack: Recorded, monkeypatch: pytest.MonkeyPatch, backend: str
) -> None:
    stack = stack if backend == "file" else Recorded(backend)
    assert recovered(stack, Cluster(v1="deployed"), monkeypatch, resources=[]) == []
    assert done(stack) == []


@pytest.fixture
def programs(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts programs as the language host does, without an engine; they end with the test."""
    runner = tmp_path / recover.PROGRAM_RUNNER
    runner.write_text("import time; time.sleep(60)")
    started: list[subprocess.Popen[bytes]] = []

    def start(cwd: Path, **variables: str) -> subprocess.Popen[bytes]:
        clean = {key: value for key, value in os.environ.items() if key != recover.BACKEND}
        process = subprocess.Popen([sys.executable, str(runner)], cwd=cwd, env={**clean, **variables})
        started.append(process)
        while str(runner) not in psutil.Process(process.pid).cmdline():
            pass
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def ended(stack: Stack) -> list[str]:
    """The pids of what was ended."""
    return [told.rpartition("(pid ")[2].rstrip(")") for told in recover._end_orphans(stack)]


def test_a_program_without_its_engine_is_ended(
    tmp_path: Path, programs: Callable[..., subprocess.Popen[bytes]]
) -> None:
    """It would wait for ever; one of another backend is somebody else's."""
    mine, other = (
        programs(PROGRAM, PULUMI_BACKEND_URL=url) for url in (f"file://{tmp_path}", "file:///elsewhere")
    )
    unnamed = programs(PROGRAM)
    assert ended(Stack("dev", {"PULUMI_BACKEND_URL": f"file://{tmp_path}"})) == [str(mine.pid)]
    assert not psutil.pid_exists(mine.pid)
    assert other.poll() is None
    assert unnamed.poll() is None


def test_where_no_variable_names_a_backend_only_programs_of_this_project_are_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, programs: Callable[..., subprocess.Popen[bytes]]
) -> None:
    monkeypatch.delenv(recover.BACKEND, raising=False)
    mine = programs(PROGRAM)
    others = [programs(tmp_path), programs(PROGRAM, PULUMI_BACKEND_URL=f"file://{tmp_path}")]
    assert ended(Stack("dev")) == [str(mine.pid)]
    assert [other.poll() for other in others] == [None, None]


class Foreign:
    """A plugin of another user, as psutil shows it."""

    pid = 1
    info = {"name": "pulumi-resource-kubernetes", "cmdline": None}  # noqa: RUF012 - psutil's own form

    def __init__(self, url: str | None) -> None:
        self.url = url

    def parents(self) -> list[Any]:
        return []

    def environ(self) -> dict[str, str]:
        if self.url is None:
            raise psutil.AccessDenied(self.pid)
        return {recover.BACKEND: self.url}

    def kill(self) -> None:
        raise psutil.AccessDenied(self.pid)


@pytest.mark.parametrize("url", [None, ELSEWHERE], ids=["is not seen", "cannot be ended"])
@pytest.mark.parametrize("backend", ["", ELSEWHERE])
def test_what_belongs_to_another_user_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, url: str | None, backend: str
) -> None:
    monkeypatch.setattr(psutil, "process_iter", lambda _: [Foreign(url)])
    monkeypatch.setattr(psutil, "wait_procs", lambda processes, timeout: ([], processes))
    assert ended(Stack("dev", {recover.BACKEND: backend})) == []


def test_records_that_cannot_be_dropped_are_told_with_what_drops_them(
    stack: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By then the state may know nothing of the operation any more."""
    api = Cluster(pending="pending-install")

    def away(name: str, namespace: str) -> None:
        raise ApiException(status=503, reason="Service Unavailable")

    monkeypatch.setattr(api, "delete_namespaced_secret", away)
    told = r"kubectl delete secret -n mlflow -l 'owner=helm,name=mlflow,status in .*503"
    with pytest.raises(OpsError, match=told):
        recovered(stack, api, monkeypatch)
