"""The stack's own objects of backups: a CronJob, the program that its pods run, and what these may reach."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pulumi

from components import backup_pods, names
from components.kinds import Own
from components.settings import Settings
from components.values_stores import PORTS

_DEADLINE = 6 * 3600
"""Seconds after which a backup that hangs is ended; the next one goes on from what it has copied."""
_LATE = 3600
"""Seconds after its time up to which a missed backup is still begun."""
_DNS = [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]
_HISTORY = 3


def backups(
    name: str, settings: Settings, namespace: pulumi.Input[str], opts: pulumi.ResourceOptions
) -> None:
    """Make them, where there is a schedule. Children of `opts`' parent."""
    if not settings.backup_schedule:
        return
    own = names.backup(settings.release_name)
    metadata = {"name": own, "namespace": namespace, "labels": backup_pods.labels(settings)}
    Own(f"{name}-backup-program", "core/v1:ConfigMap", metadata, {"data": backup_pods.program()}, opts)
    Own(f"{name}-backup-policy", "networking.k8s.io/v1:NetworkPolicy", metadata, _policy(settings), opts)
    Own(f"{name}-backup", "batch/v1:CronJob", metadata, {"spec": cron_job(settings, own)}, opts)


def cron_job(settings: Settings, config_map: str) -> dict[str, Any]:
    """The CronJob's spec."""
    return {
        "schedule": settings.backup_schedule,
        "timeZone": "Etc/UTC",
        "concurrencyPolicy": "Forbid",
        "startingDeadlineSeconds": _LATE,
        "successfulJobsHistoryLimit": _HISTORY,
        "failedJobsHistoryLimit": _HISTORY,
        "jobTemplate": {
            "metadata": {"labels": backup_pods.labels(settings)},
            "spec": {
                "backoffLimit": 2,
                "activeDeadlineSeconds": _DEADLINE,
                "template": backup_pods.backup(settings, config_map),
            },
        },
    }


def _policy(settings: Settings) -> dict[str, Any]:
    """Nobody reaches the pods; they reach names, the database and the store. Policies add up."""
    return {
        "spec": {
            "podSelector": {"matchLabels": backup_pods.selector(settings)},
            "policyTypes": ["Ingress", "Egress"],
            "egress": [{"ports": _DNS}, _to_database(settings), _to_store(settings)],
        }
    }


def _to_database(settings: Settings) -> dict[str, Any]:
    if settings.database == "external":
        return {"ports": [{"port": settings.database_port, "protocol": "TCP"}]}
    pods = {"app.kubernetes.io/name": "postgresql", "app.kubernetes.io/instance": settings.release_name}
    # A Service's port is not its pods' own, and a policy sees the pods'.
    return {"ports": [{"protocol": "TCP"}], "to": [{"podSelector": {"matchLabels": pods}}]}


def _to_store(settings: Settings) -> dict[str, Any]:
    """The store's port; for a Service inside the cluster its namespace: the ports of its pods are others."""
    url = urlsplit(settings.s3_endpoint)
    service, _, rest = str(url.hostname).partition(".")
    parts = rest.split(".")
    if service.isdigit() or (rest and parts[1:2] != ["svc"]):
        port = url.port or PORTS[url.scheme]
        return {"ports": [{"port": port, "protocol": "TCP"}]}
    where = {"kubernetes.io/metadata.name": parts[0] or settings.namespace}
    return {"ports": [{"protocol": "TCP"}], "to": [{"namespaceSelector": {"matchLabels": where}}]}
