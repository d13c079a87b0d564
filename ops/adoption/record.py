"""Helm's record of the release that is to be adopted."""

from __future__ import annotations

from kubernetes import client

from ops import record
from ops.console import OpsError
from ops.record import Record


def latest(api: client.CoreV1Api, namespace: str, name: str) -> Record:
    """The latest revision of `name`, whatever its status. Raises `OpsError` where there is none."""
    found = record.latest(api, namespace, name)
    if found is None:
        raise OpsError(
            f"Helm knows no release {name} in namespace {namespace}: `helm list --all --all-namespaces` shows"
            " those that exist; `pulumi config set releaseName NAME` and `namespace NAME` choose another"
        )
    return found
