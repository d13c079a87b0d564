"""Kubernetes objects as an API server gives them, as small as the rules of `ops.causes` can read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ops.snapshot import Object, Snapshot

SETTINGS = {
    "context": "lab",
    "namespace": "mlflow",
    "releaseName": "mlflow",
    "artifactStore": "s3",
    "s3Endpoint": "http://s3.example.com:9000",
    "s3Bucket": "mlflow",
    "database": "subchart",
    "chart": "oci://registry.example.com/mlflow",
    "chartVersion": "5.1.17",
}
IMAGE = "docker.io/bitnamilegacy/mlflow:3.3.2"


def named(kind: str, name: str, uid: str = "", **more: Any) -> Object:
    """Any object; its uid follows from its name."""
    metadata = {"name": name, "uid": uid or f"{kind}-{name}", "labels": more.pop("labels", {})}
    return {"kind": kind, "metadata": {**metadata, **more.pop("metadata", {})}, **more}


def pod(
    name: str = "mlflow-tracking-1-a",
    containers: Sequence[Object] = (),
    init: Sequence[Object] = (),
    *,
    component: str = "tracking",
    owner: str = "",
    spec: Object | None = None,
    conditions: Sequence[Object] = (),
    **status: Any,
) -> Object:
    """A pod with `container`s."""
    made = named("Pod", name, labels={"app.kubernetes.io/component": component})
    if owner:
        made["metadata"]["ownerReferences"] = [{"uid": owner, "kind": owner.partition("-")[0]}]
    made["spec"] = {
        "initContainers": [one["spec"] for one in init],
        "containers": [one["spec"] for one in containers],
        **(spec or {}),
    }
    made["status"] = {
        "phase": "Pending",
        "conditions": list(conditions),
        "initContainerStatuses": [{"name": one["spec"]["name"], **one["status"]} for one in init],
        "containerStatuses": [{"name": one["spec"]["name"], **one["status"]} for one in containers],
        **status,
    }
    return made


def container(
    name: str = "mlflow", *, image: str = IMAGE, limit: str = "", restarts: int = 0, **status: Any
) -> Object:
    """A container for `pod`, `waiting`, `running` or `terminated`; `last` tells how it ended before."""
    state = {key: status.pop(key) for key in ("waiting", "running", "terminated") if key in status}
    last = {"terminated": status.pop("last")} if "last" in status else {}
    limits = {"resources": {"limits": {"memory": limit}}} if limit else {}
    return {
        "spec": {"name": name, "image": image, **limits},
        "status": {"restartCount": restarts, "state": state, "lastState": last, "ready": False, **status},
    }


def condition(kind: str, status: str = "False", **more: str) -> Object:
    """A condition of a status."""
    return {"type": kind, "status": status, **more}


READY = condition("Ready", "True")


def unscheduled(message: str) -> Object:
    """A pod's condition that no node takes it."""
    return condition("PodScheduled", reason="Unschedulable", message=message)


def event(
    about: Object, reason: str, message: str, count: int = 1, last: str = "2026-11-25T01:00:00Z"
) -> Object:
    """An event about an object."""
    return {
        "metadata": {"name": f"{about['metadata']['name']}.{reason}", "uid": f"{reason}-{count}"},
        "involvedObject": {"uid": about["metadata"]["uid"]},
        "reason": reason,
        "message": message,
        "count": count,
        "lastTimestamp": last,
    }


def record(revision: int, status: str) -> Object:
    """Helm's record of a revision, as metadata."""
    labels = {"owner": "helm", "name": "mlflow", "status": status, "version": str(revision)}
    return named("Secret", f"sh.helm.release.v1.mlflow.v{revision}", labels=labels)


def snapshot(objects: Mapping[str, Sequence[Object] | None], **more: Any) -> Snapshot:
    """A snapshot of release and namespace `mlflow`."""
    return Snapshot("mlflow", "mlflow", objects, **more)
