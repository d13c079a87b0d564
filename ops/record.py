"""Helm's own records of a release in the cluster: the values, the manifest and the status of a revision."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kubernetes import client

from ops import helm_yaml


@dataclass(frozen=True)
class Record:
    """One revision of a release; its values may hold secrets, its objects the chart's in clear."""

    name: str
    namespace: str
    revision: int
    status: str
    chart: str
    chart_version: str
    values: Mapping[str, Any]
    """What `helm get values` prints."""
    defaults: Mapping[str, Any]
    """The chart's own values, without those of its sub-charts (Helm does not record these)."""
    objects: tuple[Mapping[str, Any], ...]
    """The objects as Helm has applied them."""

    def __repr__(self) -> str:
        """Without values and objects."""
        return f"Record({self.namespace}/{self.name} v{self.revision}, {self.chart} {self.chart_version})"


def latest(api: client.CoreV1Api, namespace: str, release: str) -> Record | None:
    """The record of the latest revision, whatever its status; None where Helm knows no such release."""
    selector = f"owner=helm,name={release}"
    found: list[Any] = api.list_namespaced_secret(namespace, label_selector=selector).items
    if not found:
        return None
    # Two digits sort after one by number, not by text.
    newest = max(found, key=lambda secret: int(secret.metadata.labels["version"]))
    return parse(decoded(newest.data["release"]))


def decoded(text: str) -> dict[str, Any]:
    """What stands under `release` in a record's Secret: base64 twice, gzip, JSON (Helm 3)."""
    return dict(json.loads(gzip.decompress(base64.b64decode(base64.b64decode(text)))))


def parse(text: Mapping[str, Any]) -> Record:
    """A record from what Helm keeps of a revision."""
    chart = text["chart"]
    return Record(
        name=text["name"],
        namespace=text["namespace"],
        revision=int(text["version"]),
        status=str(text["info"]["status"]),
        chart=chart["metadata"]["name"],
        chart_version=str(chart["metadata"]["version"]),
        values=text.get("config") or {},
        defaults=chart.get("values") or {},
        objects=tuple(_objects(text)),
    )


def _objects(record: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for body in helm_yaml.documents(record["manifest"]):
        body.setdefault("metadata", {}).setdefault("namespace", record["namespace"])
        yield owned(body, record["name"], record["namespace"])


def owned(body: dict[str, Any], release: str, namespace: str) -> dict[str, Any]:
    """An object with the marks that Helm puts on what it applies, and by which it knows its own (3.20)."""
    metadata = body["metadata"]
    metadata["labels"] = {**(metadata.get("labels") or {}), "app.kubernetes.io/managed-by": "Helm"}
    metadata["annotations"] = {
        **(metadata.get("annotations") or {}),
        "meta.helm.sh/release-name": release,
        "meta.helm.sh/release-namespace": namespace,
    }
    return body
