"""What adopting a release needs of Helm's own record of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kubernetes import client

from ops import record
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
    told = record.stored(api, namespace, name)
    if told is None:
        raise OpsError(
            f"Helm knows no release {name} in namespace {namespace}: `helm list --all --all-namespaces` shows"
            " those there are; `pulumi config set releaseName NAME` and `namespace NAME` choose another"
        )
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
