"""What to PUT so that an object holds what was recorded of it, and loses nothing that is not a change.

What the server, controllers and autoscalers write themselves is carried over from the live object.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

Object = Mapping[str, Any]
"""An object as JSON."""

_BOOKKEEPING = ("managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "selfLink")
_CARRIED = ("resourceVersion", "uid", "finalizers", "ownerReferences")
_FILLED: dict[str, tuple[tuple[str, ...], ...]] = {
    "Deployment": (("spec", "replicas"),),
    "StatefulSet": (("spec", "replicas"),),
    "PersistentVolumeClaim": (("spec", "volumeName"), ("spec", "storageClassName")),
    "Service": (("spec", "clusterIP"), ("spec", "clusterIPs"), ("spec", "healthCheckNodePort")),
    "ServiceAccount": (("secrets",), ("imagePullSecrets",)),
    "Ingress": (("spec", "ingressClassName"),),
}
"""What the server, a controller or an autoscaler writes where the manifest says nothing."""

_OF_KUBECTL = "kubectl.kubernetes.io/"
"""Annotations that kubectl leaves: its own record of `apply`, and the time of a `rollout restart`."""


def title(recorded: Object) -> str:
    """`Deployment mlflow-tracking`."""
    return f"{recorded['kind']} {recorded['metadata']['name']}"


def comparable(found: Object) -> dict[str, Any]:
    """An object without its status and the server's bookkeeping."""
    kept = {key: value for key, value in found.items() if key != "status"}
    metadata = {key: value for key, value in found["metadata"].items() if key not in _BOOKKEEPING}
    return {**kept, "metadata": metadata}


def replacement(recorded: Object, live: Object) -> dict[str, Any]:
    """What was recorded, with what is not anybody's change carried over from the live object."""
    body = copy.deepcopy(dict(recorded))
    metadata, found = body["metadata"], live["metadata"]
    metadata.update({key: found[key] for key in _CARRIED if key in found})
    for kind in ("labels", "annotations"):
        by_hand = set(_by_hand(live, kind))
        others = {key: value for key, value in found.get(kind, {}).items() if key not in by_hand}
        metadata[kind] = {**others, **(metadata.get(kind) or {})}
    if "status" in live:
        body["status"] = live["status"]
    for path in _FILLED.get(body["kind"], ()):
        _carry(body, live, path)
    template = ("spec", "template", "metadata", "annotations")
    for key in _at(live, template) or {}:
        if key.startswith(_OF_KUBECTL):
            _carry(body, live, (*template, key))
    return body


def _by_hand(live: Object, kind: str) -> Iterator[str]:
    """Labels or annotations that a person has set by kubectl; those of controllers are no change."""
    for entry in live["metadata"].get("managedFields", []):
        if not str(entry.get("manager", "")).startswith("kubectl"):
            continue
        for field in entry.get("fieldsV1", {}).get("f:metadata", {}).get(f"f:{kind}", {}):
            key = field.removeprefix("f:")
            if key != "." and not key.startswith(_OF_KUBECTL):
                yield key


def _at(tree: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        tree = tree.get(key) if isinstance(tree, Mapping) else None
    return tree


def _carry(body: dict[str, Any], live: Object, path: tuple[str, ...]) -> None:
    """Copy what is at a path where the live object has it and what was recorded says nothing."""
    value = _at(live, path)
    if value is None or _at(body, path) is not None:
        return
    for key in path[:-1]:
        if body.get(key) is None:
            body[key] = {}
        body = body[key]
    body[path[-1]] = copy.deepcopy(value)
