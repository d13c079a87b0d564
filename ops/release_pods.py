"""The pods of a release: which of them count, and how they fare."""

from __future__ import annotations

from ops.snapshot import Object, Snapshot, label

REVISION = "deployment.kubernetes.io/revision"
_HASH = "controller-revision-hash"
SERVER, DATABASE = "tracking", "primary"
"""The chart's `app.kubernetes.io/component` of server and database (5.1.17)."""


def component(thing: Object) -> str:
    """The part of the chart that an object belongs to."""
    return label(thing, "app.kubernetes.io/component")


def replicasets(snapshot: Snapshot) -> list[Object]:
    """The latest of each Deployment; older ones are on their way out."""
    latest: dict[str, Object] = {}
    for found in snapshot.all("replicasets"):
        maker = owner(found)
        if maker not in latest or _revision(found) > _revision(latest[maker]):
            latest[maker] = found
    return list(latest.values())


def pods(snapshot: Snapshot) -> list[Object]:
    """The pods that shall stay: none that is ending, none of an older revision."""
    wanted = {found["metadata"]["uid"] for found in replicasets(snapshot)}
    older = {found["metadata"]["uid"] for found in snapshot.all("replicasets")} - wanted
    stuck = {pod["metadata"]["uid"] for pod in outdated(snapshot)}
    return [
        pod
        for pod in snapshot.all("pods")
        if "deletionTimestamp" not in pod["metadata"]
        and owner(pod) not in older
        and pod["metadata"]["uid"] not in stuck
    ]


def outdated(snapshot: Snapshot) -> list[Object]:
    """Pods of a StatefulSet's older revision that are not ready.

    It waits for them to become ready before it replaces them: with an image that does not exist for ever,
    whatever its template says by now (kubernetes/kubernetes#67250; "Forced rollback" in the StatefulSet's
    documentation).
    """
    latest = {
        found["metadata"]["uid"]: found.get("status", {}).get("updateRevision")
        for found in snapshot.all("statefulsets")
    }
    return [
        pod
        for pod in snapshot.all("pods")
        if latest.get(owner(pod))
        and pod["metadata"].get("labels", {}).get(_HASH) != latest[owner(pod)]
        and "deletionTimestamp" not in pod["metadata"]
        and not ready(pod)
    ]


def ready(pod: Object) -> bool:
    """Whether a pod is ready."""
    return condition(pod, "Ready").get("status") == "True"


def condition(thing: Object, kind: str) -> Object:
    """A condition of an object's status; empty where there is none."""
    found = [one for one in thing.get("status", {}).get("conditions") or [] if one["type"] == kind]
    return dict(found[0]) if found else {}


def owner(thing: Object) -> str:
    """The uid of what made an object; empty where nothing did."""
    owners = thing["metadata"].get("ownerReferences") or [{"uid": ""}]
    return str(owners[0]["uid"])


def _revision(replicaset: Object) -> int:
    return int(replicaset["metadata"].get("annotations", {}).get(REVISION, "0"))
