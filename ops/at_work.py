"""What works with a stack's artifacts, by a schedule or by hand: of these one at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kubernetes import client

from components import backup_pods, housekeeping_pods
from ops.console import OpsError
from ops.rotation.target import Target

Labels = Mapping[str, str]
ENDS = frozenset({"Complete", "Failed"})
"""Conditions of a Job that has ended."""


def at_work(release: str) -> dict[str, Labels]:
    """The labels of each, by what it is."""
    return {
        "a backup": backup_pods.selector(release),
        "housekeeping": housekeeping_pods.selector(release),
    }


def jobs(target: Target, labels: Labels) -> list[Any]:
    """The Jobs with these labels."""
    selector = ",".join(f"{name}={value}" for name, value in labels.items())
    batch = client.BatchV1Api(target.api.api_client)
    found: Any = batch.list_namespaced_job(target.namespace, label_selector=selector)
    return list(found.items)


def active(target: Target, labels: Labels) -> list[str]:
    """The Jobs with these labels that have not ended, whoever began them: a schedule or a person."""
    return [
        str(job.metadata.name)
        for job in jobs(target, labels)
        if not any(one.type in ENDS and one.status == "True" for one in job.status.conditions or [])
    ]


def refuse_beside(target: Target, beside: Mapping[str, Labels], but: str = "") -> None:
    """Raises `OpsError` while a Job of `beside` is at work, other than `but`."""
    for what, labels in beside.items():
        if others := [name for name in active(target, labels) if name != but]:
            raise OpsError(f"{what} is under way, job {others[0]}: wait until it ends")
