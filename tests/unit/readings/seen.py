"""A reading that the lab cannot give, and what must be said of it; what several of them share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ops import causes
from ops.causes import Cause
from ops.snapshot import Object
from tests.unit.objects import (
    READY,
    SETTINGS,
    container,
    event,
    pod,
    record,
    snapshot,
)

DEPLOYED = [record(1, "deployed")]
KEY = "mlflow-tracking-1-a"
EXTERNAL = {"database": "external", "databaseHost": "db.example.com", "databasePort": "5432"}
RUNS = container(running={"startedAt": "2026-11-25T01:00:00Z"}, ready=True)
SERVES = {"pods": [pod(containers=[RUNS], conditions=[READY])]}
BOUND = {"nodeName": "node-1"}


@dataclass(frozen=True)
class Seen:
    """A reading and what must be said of it: the first cause's name and a part of its sentence or fix."""

    cause: str
    says: str
    objects: Mapping[str, Sequence[Object] | None]
    more: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    certain: bool = True

    def judged(self) -> list[Cause]:
        return causes.of(
            snapshot({"secrets": DEPLOYED, **self.objects}, **self.more), {**SETTINGS, **self.settings}
        )


def waiting(reason: str, message: str = "", **more: Any) -> Object:
    return container(waiting={"reason": reason, "message": message}, **more)


def failing(name: str = "mlflow", restarts: int = 2, **ended: Any) -> Object:
    """A container whose last run has failed; it waits for the next."""
    return container(
        name,
        waiting={"reason": "CrashLoopBackOff"},
        last={"exitCode": 1, "finishedAt": "2026-11-25T01:00:00Z", **ended},
        restarts=restarts,
    )


def logged(line: str, name: str = "upgrade-db-auth", **more: Any) -> Mapping[str, Any]:
    return {"logs": {f"{KEY}/{name}": f"Traceback\n{line}\nbye"}, **more}


def mounted(message: str) -> dict[str, list[Object]]:
    about = pod(containers=[waiting("ContainerCreating")])
    return {"pods": [about], "events": [event(about, "FailedMount", message)]}
