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
from typing import Any
from urllib.parse import urlsplit

import psutil
from kubernetes import client
from kubernetes.client.exceptions import ApiException

from ops import cluster
from ops.console import OpsError, err, step
from ops.stack import Stack

NAMESPACE = "kubernetes:core/v1:Namespace"
SECRET = "kubernetes:core/v1:Secret"  # noqa: S105 - a type token
RELEASE = "kubernetes:helm.sh/v3:Release"
PROGRAM_RUNNER = "pulumi-language-python-exec"
"""What the language host runs a Python program with."""
PENDING = "status in (pending-install, pending-upgrade, pending-rollback)"


State = dict[str, Any]
"""A state, or a part of it, as `pulumi stack export` gives it."""


@dataclass(frozen=True)
class Lock:
    """One lock file of a local backend."""

    pid: int
    host: str
    since: str


def locks(backend: str, stack: str) -> list[Lock]:
    """The locks of a stack on a `file://` backend; other backends keep none that this can see."""
    address = urlsplit(backend)
    if address.scheme != "file":
        return []
    folder = Path(address.netloc + address.path).expanduser() / f".pulumi/locks/organization/mlflow/{stack}"
    held = [json.loads(file.read_text()) for file in sorted(folder.glob("*.json"))]
    return [Lock(lock["pid"], lock["hostname"], lock["timestamp"]) for lock in held]


def stuck(stack: Stack) -> bool:
    """Whether an earlier `pulumi` left a lock or pending operations. Helm's record goes with the latter."""
    return bool(locks(stack.backend(), stack.name) or _pending(_state(stack)))


def recover(stack: Stack) -> list[str]:
    """Mend what is stuck; what was done, in a person's words. Raises `OpsError` while a run is alive."""
    done = list(_unlock(stack))
    state = _state(stack)
    pending = _pending(state)
    where = stack.config()
    api = cluster.connect(where)
    unrecorded = any(of["resource"]["type"] == RELEASE and of["type"] == "creating" for of in pending)
    done += _drop_records(api, where["namespace"], where["releaseName"], PENDING if not unrecorded else "")
    if pending:
        with step("Brings the state up to the cluster (pulumi refresh)"):
            _settle(stack, state, pending, api)
        done += [f"{of['type']} {of['resource']['urn'].split('::')[-1]}" for of in pending]
    return done


def _settle(stack: Stack, state: State, pending: list[State], api: client.CoreV1Api) -> None:
    """Take what was made but not recorded into the state, and read again all that was being worked on.

    (`pulumi refresh --import-pending-creates` only forgets the operation in Pulumi 3.259.)
    """
    resources = state["deployment"].setdefault("resources", [])
    for operation in pending:
        resource = operation["resource"]
        found = _made(api, resource) if operation["type"] == "creating" else None
        if found:
            resources.append({**resource, "id": found, "outputs": resource["inputs"]})
    del state["deployment"]["pending_operations"]
    stack.read("stack", "import", stdin=json.dumps(state))
    touched = {operation["resource"]["urn"] for operation in pending}
    again = [f"--target={resource['urn']}" for resource in resources if resource["urn"] in touched]
    if again:
        stack.read("refresh", "--yes", "--skip-preview", *again)


def report(done: list[str]) -> None:
    """Say what was mended."""
    for what in done:
        err.print(f"[yellow]mended[/yellow] {what}")
    if not done:
        err.print("Nothing was stuck")


def _unlock(stack: Stack) -> Iterator[str]:
    """End what a dead `pulumi` left running, then release its locks."""
    held = locks(stack.backend(), stack.name)
    for lock in held:
        if lock.host != socket.gethostname():
            raise OpsError(
                f"stack {stack.name} is locked by {lock.host} (pid {lock.pid}) since {lock.since}: "
                f"when nothing runs there any more, `pulumi cancel --stack {stack.name}`"
            )
        if alive(lock):
            raise OpsError(
                f"pulumi works on stack {stack.name} since {lock.since} (pid {lock.pid}): wait for its end"
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
    backend = stack.environ().get("PULUMI_BACKEND_URL")
    orphans = [
        process
        for process in psutil.process_iter(["name", "cmdline"])
        if _of_an_engine(process)
        and not _has_engine(process)
        and _environ(process).get("PULUMI_BACKEND_URL") == backend
    ]
    for process in orphans:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(orphans, timeout=5)
    yield from (f"ended {process.info['name']} (pid {process.pid})" for process in orphans)


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


def _environ(process: psutil.Process) -> dict[str, str]:
    try:
        return dict(process.environ())
    except psutil.Error:
        return {}


def _state(stack: Stack) -> State:
    """The state as the backend has it; secrets stay encrypted."""
    return dict(json.loads(stack.read("stack", "export")))


def _pending(state: State) -> list[State]:
    return list(state["deployment"].get("pending_operations", []))


def _drop_records(api: client.CoreV1Api, namespace: str, release: str, which: str) -> Iterator[str]:
    """Delete Helm's records: those of revisions that never ended, so that the one before is the latest.

    Those of a first install that Pulumi does not know go all: the next install finds the objects, takes
    them over as they are, and keeps their passwords.
    """
    selector = ",".join(filter(None, ("owner=helm", f"name={release}", which)))
    found = api.list_namespaced_secret(namespace, label_selector=selector).items
    for name in [str(record.metadata.name) for record in found if record.metadata]:
        api.delete_namespaced_secret(name, namespace)
        yield f"dropped Helm's record {name}"


def _made(api: client.CoreV1Api, resource: State) -> str | None:
    """The id of the object that a cut `create` was for, where the cluster has it."""
    metadata = resource.get("inputs", {}).get("metadata", {})
    try:
        if resource["type"] == NAMESPACE:
            api.read_namespace(metadata["name"])
            return str(metadata["name"])
        if resource["type"] == SECRET:
            api.read_namespaced_secret(metadata["name"], metadata["namespace"])
            return f"{metadata['namespace']}/{metadata['name']}"
    except ApiException as error:
        if error.status != 404:
            raise
    return None
