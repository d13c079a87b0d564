"""Gathers what a diagnosis judges: the cluster's side, and what the stack itself knows."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from kubernetes import client

from components.tokens import RELEASE
from ops import asking, forward
from ops.causes import Settings
from ops.console import OpsError
from ops.containers import worth_reading
from ops.reader import AROUND, CORE, Reader
from ops.recover import alive, locks
from ops.snapshot import Answer, Snapshot
from ops.stack import Stack


def seen(api: client.CoreV1Api, namespace: str, release: str, settings: Settings) -> Snapshot:
    """The cluster's side: objects, logs, and what the stores answer."""
    reader = Reader(api, namespace, release)
    snapshot = reader.take({**CORE, **AROUND})
    with ThreadPoolExecutor() as side_by_side:
        logs = side_by_side.submit(reader.logs, worth_reading(snapshot))
        ports = side_by_side.submit(asking.ports, api, snapshot, settings)
        stores = side_by_side.submit(asking.stores, api, snapshot)
        answers: dict[str, Answer] = {**stores.result(), **ports.result()}
        if "store" not in answers and settings.get("artifactStore") == "s3":
            answers.update(_from_here(api, snapshot, settings))
        return replace(snapshot, logs=logs.result(), answers=answers)


def _from_here(api: client.CoreV1Api, snapshot: Snapshot, settings: Settings) -> dict[str, Answer]:
    keys = asking.s3_keys(api, snapshot.namespace, snapshot.release, settings)
    return asking.from_here(settings, keys) if keys else {}


def working(stack: Stack) -> bool | None:
    """Whether a live `pulumi` holds the stack; `None` where the backend does not tell."""
    backend = stack.backend()
    return any(alive(lock) for lock in locks(backend, stack.name)) if backend.startswith("file:") else None


def kept_errors(stack: Stack) -> str:
    """The errors that the state keeps with a release that was made and did not become ready."""
    kept = [
        line
        for resource in stack.export()["deployment"].get("resources") or []
        if resource["type"] == RELEASE
        for line in resource.get("initErrors") or []
    ]
    return "\n".join(kept)


def failed(stack: Stack) -> bool:
    """Whether the last update of the stack did not end well."""
    history = json.loads(stack.read("stack", "history", "--json", "--page-size", "1")) or []
    return any(update.get("result") != "succeeded" for update in history)


def previewed(stack: Stack) -> str:
    """What a preview says where it fails: it reads settings and chart, and changes nothing."""
    try:
        stack.read("preview", "--non-interactive")
    except OpsError as error:
        return str(error)
    return ""


def forward_taken(stack: Stack) -> str:
    """Who has the port of this stack's own port-forward, where `make up` made the stack."""
    file = stack.environ().get("PULUMI_OPTION_CONFIG_FILE")
    return str(forward.intruder(Path(file).parent / "forward.json") or "") if file else ""
