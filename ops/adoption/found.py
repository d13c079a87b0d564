"""What stands in the cluster around a release: the Secrets it uses, its pods, and who else is there."""

from __future__ import annotations

import base64
import re
from typing import Any

from kubernetes import client

from components import names
from components.values_stores import AWS_KEYS
from ops import cluster
from ops.adoption.reading import at
from ops.console import OpsError
from ops.record import Record
from ops.site import STACKS_OWN

_KEYS_NAMED_BY = ("existingSecretAccessKeyIDKey", "existingSecretKeySecretKey")


def secret(api: client.CoreV1Api, namespace: str, name: str) -> client.V1Secret | None:
    """A Secret, or None where there is none."""
    held: client.V1Secret | None = cluster.unless_missing(lambda: api.read_namespaced_secret(name, namespace))
    return held


def require_login(api: client.CoreV1Api, record: Record) -> None:
    """The login that the chart made is where the program reads it. Raises `OpsError`."""
    name = names.tracking(record.name)
    held = secret(api, record.namespace, name)
    missing = {names.ADMIN_USER_KEY, names.ADMIN_PASSWORD_KEY} - set((held.data if held else None) or {})
    if missing:
        raise OpsError(
            f"Secret {record.namespace}/{name} has no {' and no '.join(sorted(missing))}: the login that the"
            " chart generated belongs there; put it back, then adopt"
        )


def own_s3(api: client.CoreV1Api, record: Record) -> dict[str, str]:
    """The data of the store's Secret where it is as the stack would make it, else empty.

    That is: of the name and the two keys that the stack gives it, made by nobody's controller.
    """
    name = names.own(record.name, names.S3_SECRET)
    store = at(record.values, "externalS3", {})
    if store.get("existingSecret") != name or store.get("useCredentialsInSecret") is False:
        return {}
    entries = (store.get(key) for key in _KEYS_NAMED_BY)
    held = secret(api, record.namespace, name)
    if held is None or held.type != "Opaque" or held.immutable or tuple(entries) != AWS_KEYS:
        return {}
    data = {
        key: base64.b64decode(str(text)).decode(errors="replace") for key, text in (held.data or {}).items()
    }
    plain = sorted(data) == sorted(AWS_KEYS) and all(re.fullmatch(r"[!-~]+", text) for text in data.values())
    return data if plain and not (held.metadata and held.metadata.owner_references) else {}


def shared(api: client.CoreV1Api, record: Record) -> list[str]:
    """What else lives in the namespace: releases, pods and volume claims of others."""
    helm = api.list_namespaced_secret(record.namespace, label_selector="owner=helm").items
    releases = {f"release {name}" for one in helm if (name := _label(one.metadata, "name")) != record.name}
    objects: dict[str, list[Any]] = {
        "pod": api.list_namespaced_pod(record.namespace).items,
        "claim": api.list_namespaced_persistent_volume_claim(record.namespace).items,
    }
    others = {
        f"{kind} {one.metadata.name}"
        for kind, found in objects.items()
        for one in found
        if one.metadata and _label(one.metadata, "app.kubernetes.io/instance") != record.name
    }
    return sorted(releases | others)


def pods(api: client.CoreV1Api, record: Record) -> dict[str, int]:
    """Restarts of each pod of the release, by uid."""
    selector = f"app.kubernetes.io/instance={record.name}"
    found = api.list_namespaced_pod(record.namespace, label_selector=selector).items
    return {
        str(pod.metadata.uid): sum(state.restart_count for state in (pod.status.container_statuses or []))
        for pod in found
        if pod.metadata and pod.status
    }


def pod_security(api: client.CoreV1Api, record: Record) -> str:
    """The Pod Security Standard that the namespace enforces; `none` where it says nothing of it."""
    metadata = api.read_namespace(record.namespace).metadata
    labels = (metadata and metadata.labels) or {}
    return str(labels.get(names.POD_SECURITY, "none"))


def hand_over(api: client.CoreV1Api, namespace: str, name: str) -> None:
    """Give the fields of a Secret to the Kubernetes plugin, so that it may change them later.

    Kubernetes notes who set each field. The plugin takes fields over from kubectl's `apply` and not from
    `create`; a later change of a key would end in a conflict.
    """
    held = api.read_namespaced_secret(name, namespace)
    assert held.metadata is not None  # noqa: S101 - read objects have one
    patch: list[dict[str, Any]] = [
        {"op": "test", "path": "/metadata/resourceVersion", "value": held.metadata.resource_version}
    ]
    for number, entry in enumerate(held.metadata.managed_fields or []):
        if entry.operation == "Update" and entry.manager != STACKS_OWN:
            place = f"/metadata/managedFields/{number}/manager"
            patch.append({"op": "replace", "path": place, "value": STACKS_OWN})
    if len(patch) > 1:
        api.patch_namespaced_secret(name, namespace, patch)


def _label(metadata: client.V1ObjectMeta | None, name: str) -> str:
    return ((metadata.labels if metadata else None) or {}).get(name, "")
