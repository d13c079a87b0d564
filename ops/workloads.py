"""The pods that an object of Kubernetes makes, as they stand in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def template(workload: Mapping[str, Any]) -> dict[str, Any] | None:
    """The pods' spec of a Pod, Deployment, StatefulSet, DaemonSet, Job or CronJob; None of anything else."""
    spec: Any = workload.get("spec") or {}
    spec = (spec.get("jobTemplate") or {}).get("spec", spec)
    found = spec if workload.get("kind") == "Pod" else (spec.get("template") or {}).get("spec")
    return dict(found) if isinstance(found, Mapping) and "containers" in found else None


def containers(spec: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All containers of a pod's spec, those that run first included."""
    return [*(spec.get("initContainers") or []), *spec["containers"]]
