"""Brings a stack back after `pulumi` was killed: its lock, its pending operations, Helm's pending record.

Nothing is uninstalled and no object is deleted but Helm's record of the revision that was cut short, so
the credentials that the chart made, and all data, stay as they are. Safe to repeat.
"""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psutil
from kubernetes import client

from components.tokens import NAMESPACE, RELEASE, SECRET
from ops import cluster
from ops.console import OpsError, err, step
from ops.stack import PROGRAM, Stack, State

PROGRAM_RUNNER = "pulumi-language-python-exec"
"""What the language host runs a Python program with."""
BACKEND = "PULUMI_BACKEND_URL"
"""The variable that names the backend before all else; unset, it is the one of the login."""
PENDING = "status in (pending-install, pending-upgrade, pending-rollback)"


@dataclass(frozen=True)
class Lock:
    """One lock file of a local backend."""

    pid: int
    host: str
    since: str


def locks(backend: str, stack: str) -> list[Lock]:
    """The locks of a stack, `prod` or `organization/mlflow/prod`, on a `file://` backend.

    Other backends keep none that this can see.
    """
    if not _on_files(backend):
        return []
    address, name = urlsplit(backend), stack.rpartition("/")[2]
    folder = Path(address.netloc + address.path).expanduser() / ".pulumi/locks/organization/mlflow" / name
    held = [json.loads(file.read_text()) for file in sorted(folder.glob("*.json"))]
    return [Lock(lock["pid"], lock["hostname"], lock["timestamp"]) for lock in held]


def _on_files(backend: str) -> bool:
    return urlsplit(backend).scheme == "file"


def stuck(stack: Stack) -> bool:
    """Whether an earlier `pulumi` left a lock or pending operations. Helm's record goes with the latter."""
    return bool(locks(stack.backend(), stack.name) or _pending(stack.export()))


def recover(stack: Stack) -> list[str]:
    """Mend what is stuck; what was done, in a person's words. Raises `OpsError` while a run is alive."""
    backend = stack.backend()
    done = list(_unlock(stack, backend))
    where = stack.config()
    api = cluster.connect(where)
    state = stack.export()
    pending = _pending(state)
    unrecorded = any(of["resource"]["type"] == RELEASE and of["type"] == "creating" for of in pending)
    which = f"owner=helm,name={where['releaseName']}{'' if unrecorded else f',{PENDING}'}"
    records = (api, where["namespace"], which)
    whole = _whole(state, pending, api)
    # Locks of other backends are not seen: whoever works there must not lose a record of Helm's.
    elsewhere = not _on_files(backend)
    if elsewhere and (pending or _records(*records)):
        _take_turn(stack, whole)
    try:
        done += _drop_records(*records)
    except cluster.FAULTS as error:
        raise OpsError(
            "Helm's record of what was cut short is still there, and the next `pulumi up` would stop at it:"
            f" `kubectl delete secret -n {where['namespace']} -l '{which}'`, then try again"
            f" ({cluster.told(error)})"
        ) from error
    if pending:
        with step("Bringing the state up to date with the cluster (pulumi refresh)"):
            if not elsewhere:
                stack.put(whole)
            _read_again(stack, whole, pending)
        done += [f"{of['type']} {of['resource']['urn'].split('::')[-1]}" for of in pending]
    return done


def _take_turn(stack: Stack, whole: State) -> None:
    """Import the state: that takes the backend's lock. Raises `OpsError` where another `pulumi` has it.

    It is as it was exported, or `_whole` where operations are pending: an import drops these in any case
    (Pulumi 3.259), and what they made would be forgotten if this ended here.
    """
    try:
        stack.put(whole)
    except OpsError as error:
        raise OpsError(
            f"another pulumi is working on stack {stack.name}, or was killed and left its lock: wait until"
            f" it ends; if nobody is working on it, `pulumi cancel --stack {stack.name}`, then try again"
            f" ({error})"
        ) from error


def _whole(state: State, pending: list[State], api: client.CoreV1Api) -> State:
    """The state without its pending operations, and with what they made and did not record.

    (`pulumi refresh --import-pending-creates` only forgets the operation in Pulumi 3.259.)
    """
    made = [
        {**operation["resource"], "id": found, "outputs": operation["resource"]["inputs"]}
        for operation in pending
        if operation["type"] == "creating" and (found := _made(api, operation["resource"]))
    ]
    deployment = {key: part for key, part in state["deployment"].items() if key != "pending_operations"}
    if made:
        deployment["resources"] = [*deployment.get("resources", []), *made]
    return {**state, "deployment": deployment}


def _read_again(stack: Stack, whole: State, pending: list[State]) -> None:
    """Read from the cluster what was being worked on, where the state has it."""
    touched = {operation["resource"]["urn"] for operation in pending}
    resources = whole["deployment"].get("resources", [])
    again = [f"--target={resource['urn']}" for resource in resources if resource["urn"] in touched]
    if again:
        stack.refresh(*again)


def report(done: list[str]) -> None:
    """Say what was mended."""
    for what in done:
        err.print(f"[yellow]recovered:[/yellow] {what}")
    if not done:
        err.print("Nothing was stuck")


def _unlock(stack: Stack, backend: str) -> Iterator[str]:
    """End what a dead `pulumi` left running, then release its locks."""
    held = locks(backend, stack.name)
    for lock in held:
        if lock.host != socket.gethostname():
            raise OpsError(
                f"stack {stack.name} has been locked by {lock.host} (pid {lock.pid}) since {lock.since}: "
                f"if nothing runs there any more, `pulumi cancel --stack {stack.name}`"
            )
        if alive(lock):
            raise OpsError(
                f"pulumi has been working on stack {stack.name} since {lock.since} (pid {lock.pid}):"
                " wait until it ends"
            )
    yield from _end_orphans(stack)
    if held:
        stack.read("cancel", "--yes")
        yield f"released {len(held)} lock(s)"


def alive(lock: Lock) -> bool:
    """Whether the `pulumi` that made a lock of this machine still runs."""
    try:
        process = psutil.Process(lock.pid)
        return process.name() == "pulumi" and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _end_orphans(stack: Stack) -> Iterator[str]:
    """What outlived its engine: plugins change the cluster for up to five minutes, programs wait for ever."""
    backend = stack.environ().get(BACKEND)
    orphans = [
        process
        for process in psutil.process_iter(["name", "cmdline"])
        if _of_an_engine(process) and not _has_engine(process) and _same_project(process, backend)
    ]
    for process in orphans:
        with contextlib.suppress(psutil.Error):
            process.kill()
    ended, _ = psutil.wait_procs(orphans, timeout=5)
    yield from (f"ended {process.info['name']} (pid {process.pid})" for process in ended)


def _of_an_engine(process: psutil.Process) -> bool:
    """Whether it is a plugin, a language host or a program that one runs."""
    if process.info["name"].startswith(("pulumi-resource", "pulumi-language")):
        return True
    return any(PROGRAM_RUNNER in argument for argument in (process.info["cmdline"] or [])[:3])


def _has_engine(process: psutil.Process) -> bool:
    try:
        return any(parent.name() == "pulumi" for parent in process.parents())
    except psutil.Error:
        return False


def _same_project(process: psutil.Process, backend: str | None) -> bool:
    """Whether a process is of this backend; of this project, where no variable names one. No, if not seen.

    The engine starts plugins and programs in the folder of the project (Pulumi 3.259).
    """
    try:
        named = process.environ().get(BACKEND)
        return named == backend if backend else not named and Path(process.cwd()).is_relative_to(PROGRAM)
    except psutil.Error:
        return False


def _pending(state: State) -> list[State]:
    return list(state["deployment"].get("pending_operations", []))


def _records(api: client.CoreV1Api, namespace: str, which: str) -> list[str]:
    """The names of Helm's records that the selector of labels `which` finds."""
    found = api.list_namespaced_secret(namespace, label_selector=which).items
    return [str(record.metadata.name) for record in found if record.metadata]


def _drop_records(api: client.CoreV1Api, namespace: str, which: str) -> Iterator[str]:
    """Delete Helm's records: those of revisions that never ended, so that the one before is the latest.

    Those of a first install that Pulumi does not know go all: the next install finds the objects, takes
    them over as they are, and keeps their passwords.
    """
    for name in _records(api, namespace, which):
        api.delete_namespaced_secret(name, namespace)
        yield f"dropped Helm's record {name}"


def _made(api: client.CoreV1Api, resource: State) -> str | None:
    """The id of the object that a cut `create` was for, where the cluster has it."""
    kind, metadata = resource["type"], resource.get("inputs", {}).get("metadata", {})
    name, namespace = metadata.get("name"), metadata.get("namespace")
    if kind == NAMESPACE and cluster.unless_missing(lambda: api.read_namespace(name)):
        return str(name)
    if kind == SECRET and cluster.unless_missing(lambda: api.read_namespaced_secret(name, namespace)):
        return f"{namespace}/{name}"
    return None
