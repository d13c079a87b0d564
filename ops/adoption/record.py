"""A Helm release as Helm itself keeps it: a Secret for each revision, read through the Kubernetes API."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kubernetes import client

from ops.console import OpsError


@dataclass(frozen=True)
class Record:
    """The latest revision of a release. `values` are those given to Helm; they may hold secrets."""

    name: str
    namespace: str
    revision: int
    status: str
    chart: str
    chart_version: str
    values: Mapping[str, Any]
    defaults: Mapping[str, Any]
    """The chart's own values, without those of its sub-charts (Helm does not record these)."""

    def __repr__(self) -> str:
        """Without the values."""
        return f"Record({self.namespace}/{self.name} v{self.revision}, {self.chart} {self.chart_version})"


def latest(api: client.CoreV1Api, namespace: str, name: str) -> Record:
    """The latest revision of `name`, whatever its status. Raises `OpsError` where there is none."""
    found = api.list_namespaced_secret(namespace, label_selector=f"owner=helm,name={name}").items
    revisions = {int(_labels(secret)["version"]): secret.data or {} for secret in found}
    if not revisions:
        raise OpsError(
            f"Helm knows no release {name} in namespace {namespace}: `helm list --all --all-namespaces` shows"
            " those there are; `pulumi config set releaseName NAME` and `namespace NAME` choose another"
        )
    return decoded(str(revisions[max(revisions)]["release"]))


def _labels(secret: client.V1Secret) -> Mapping[str, str]:
    return (secret.metadata.labels if secret.metadata else None) or {}


def decoded(data: str) -> Record:
    """A record from the `release` entry of its Secret: base64 of Kubernetes, of Helm, gzip, JSON."""
    packed = base64.b64decode(base64.b64decode(data))
    told = json.loads(gzip.decompress(packed))
    metadata = told["chart"]["metadata"]
    return Record(
        told["name"],
        told["namespace"],
        int(told["version"]),
        str(told["info"]["status"]),
        metadata["name"],
        metadata["version"],
        told.get("config") or {},
        told["chart"].get("values") or {},
    )
