"""Causes in programs that end: for want of memory, or for a reason of their own."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from components.settings.quantities import quantity
from ops.causes import FAILS, Cause, Settings, last_line, line_with
from ops.containers import Container, containers
from ops.release_pods import DATABASE
from ops.snapshot import Snapshot

_TIMES = 3
"""Failures of one container in the same way that leave no doubt."""
_WAITS = ("wait-for-database", "wait-for-s3")
"""Init containers that only wait (chart 5.1.17); why they wait in vain is a cause of the stores."""


def memory(snapshot: Snapshot, _: Settings) -> Iterator[Cause]:
    """Containers that the kernel has ended for using more memory than their limit."""
    for one in containers(snapshot):
        worker = line_with(snapshot.logs.get(one.key, ""), r"was sent SIGKILL! Perhaps out of memory")
        killed = one.ended.get("reason") == "OOMKilled"
        if not killed and not worker:
            continue
        limit = one.spec.get("resources", {}).get("limits", {}).get("memory", "")
        setting = _resources(one)
        more = f"pulumi config set --path {setting}.limits.memory {_double(limit)}"
        fewer = ", or fewer trackingWorkers (about 200 MiB each)" if setting == "trackingResources" else ""
        yield Cause(
            "out-of-memory",
            30 if one.fails else 70,
            f"{one.name} of pod {_pod(one)} needs more memory than its limit"
            f"{f' of {limit}' if limit else ''} and was killed.",
            f"{more}{fewer}\npulumi up",
            f"pod/{one.key}: {f'OOMKilled, {one.failures} time(s)' if killed else worker}",
            certain=one.fails,
            blocks=one.fails,
            mark=one.mark,
            # A start that was killed once for memory will be again: what it loads is always the same.
            patience=8.0,
        )


def _resources(one: Container) -> str:
    if one.component == DATABASE:
        return "databaseResources"
    return "waitResources" if one.name in _WAITS else "trackingResources"


def _double(limit: str) -> str:
    """Twice a limit, in whole Mi, and half a GiB at least."""
    mebi = int(quantity(limit) * 2 / Decimal(1024) ** 2) if limit else 0
    return f"{max(mebi, 512)}Mi"


def ends(snapshot: Snapshot, _: Settings) -> Iterator[Cause]:
    """Any container that fails again and again; what it says last is the best that is known."""
    for one in containers(snapshot):
        if not one.fails or one.name in _WAITS or one.ended.get("reason") == "OOMKilled":
            continue
        log = snapshot.logs.get(one.key, "")
        told = line_with(log, r"(?i)\b(error|fatal|exception|cannot|failed)\b") or last_line(log)
        yield Cause(
            FAILS,
            50,
            f"{'Init container' if one.init else 'Container'} {one.name} of pod {_pod(one)} ends with "
            f"exit code {one.ended.get('exitCode')}, {one.failures} time(s).",
            f"kubectl logs -n {snapshot.namespace} {one.key.replace('/', ' -c ')} --previous",
            f"pod/{one.key}: {told or one.ended.get('message') or one.ended.get('reason', '')}",
            certain=one.failures >= _TIMES,
            mark=one.mark,
        )


def _pod(one: Container) -> str:
    return str(one.pod["metadata"]["name"])


RULES = (memory, ends)
