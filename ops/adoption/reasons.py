"""Why an adopted release differs from what the program would give it: one line for each value held back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from components.settings.chart_names import joined
from components.settings.guarded import REFUSED
from components.settings.mistakes import shown
from components.values import APPENDED

ABSENT = "(not given)"
_IMAGE = re.compile(r"[iI]mage(\.|$)")
_NAMED = "an image named in full, so no option leads to a dead path"
_HOOK = "fast authentication and strict permissions: they start once all of these are taken over"
_WHY = {
    "extraDeploy": _HOOK,
    "tracking.auth.extraOverrides": _HOOK,
    "tracking.extraEnvVars": _HOOK,
    "tracking.extraVolumes": _HOOK,
    "tracking.extraVolumeMounts": _HOOK,
    "tracking.extraArgs": "threaded workers: a slow upload holds up one thread, not the server",
    "tracking.resources": "no CPU limit, which would slow down start and requests; room for large artifacts",
    "tracking.customStartupProbe": "a start is noticed within a second, a slow one is not killed",
    "tracking.readinessProbe": "a start is noticed within a second",
    "tracking.lifecycleHooks": "a pod ends cleanly and at once",
    "tracking.podAnnotations": "pods restart when the store's keys or a module change",
    "tracking.updateStrategy": "the old pod releases its volume before the new one takes it",
    "tracking.ingress.annotations": "uploads of any size and duration pass nginx",
    "tracking.networkPolicy": "only those named reach the server",
    "run.resources": "requests and limits of the init containers that wait",
    "run": "the program runs no jobs; its init containers take their resources from here",
    "postgresql.primary.networkPolicy": "the database answers only the stack's own pods",
    "postgresql.primary.resources": "no CPU limit; memory for the database",
    "postgresql.primary.livenessProbe": "begins as soon as the database starts",
    "postgresql.primary.readinessProbe": "a start is noticed within a second",
    "postgresql.primary.startupProbe": "a start is noticed within a second, a slow one is not killed",
    "postgresql.primary.persistence": "the volume's size and class, written out",
    "tracking.persistence": "the volume's class, written out",
    "minio": _NAMED,
    "postgresql.metrics": _NAMED,
    "postgresql.volumePermissions": _NAMED,
    "global.defaultStorageClass": "the program names the class for each volume",
    "global.storageClass": "the program names the class for each volume",
}


@dataclass(frozen=True)
class Held:
    """One value that stays as Helm left it: its path, both sides as text, and the reason of the program's."""

    path: str
    release: str
    program: str
    why: str


def held(patch: Mapping[str, Any], own: Mapping[str, Any], above: str = "") -> Iterator[Held]:
    """Each leaf of a merge patch over the program's `own` values."""
    for key, value in patch.items():
        path, ours = joined(above, key), own.get(key)
        if isinstance(value, Mapping) and value:
            yield from held(value, ours if isinstance(ours, Mapping) else {}, path)
            continue
        here = ABSENT if value is None else shown(value)
        yield Held(path, here, ABSENT if ours is None else shown(ours), _why(path, value))


def _why(path: str, value: Any) -> str:
    given = value is not None and path not in APPENDED and _nearest(path, REFUSED)
    if given:
        return f"given by hand; once you take it over, the program decides it ({given})"
    if _IMAGE.search(path):
        return _NAMED
    return _nearest(path, _WHY) or "the program's choice"


def _nearest(path: str, reasons: Mapping[str, str]) -> str:
    """The reason of the longest path that leads to this one; empty where none does."""
    leading = [known for known in reasons if path == known or path.startswith((f"{known}.", f"{known}["))]
    return reasons[max(leading, key=len)] if leading else ""
