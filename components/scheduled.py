"""What the stack does by a schedule: a CronJob, the program that its pods run, and what these may reach."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from components.kinds import Own

DEADLINE = 6 * 3600
"""Seconds after which a Job that hangs is ended; the next one goes on from what it has done."""
_LATE = 3600
"""Seconds after its time up to which a missed Job is still begun."""
_HISTORY = 3


@dataclass(frozen=True)
class Scheduled:
    """What is done when, by which pods; `name` is that of all its objects in the cluster."""

    name: str
    schedule: str
    labels: Mapping[str, str]
    program: Mapping[str, str]
    """The files that its pods mount, by name."""
    template: Mapping[str, Any]
    policy: Mapping[str, Any]

    def register(self, prefix: str, namespace: pulumi.Input[str], opts: pulumi.ResourceOptions) -> None:
        """Make the objects, children of `opts`' parent; `prefix` is that of their names in the stack."""
        metadata = {"name": self.name, "namespace": namespace, "labels": self.labels}
        program, rules = {"data": self.program}, {"spec": self.policy}
        Own(f"{prefix}-program", "core/v1:ConfigMap", metadata, program, opts)
        Own(f"{prefix}-policy", "networking.k8s.io/v1:NetworkPolicy", metadata, rules, opts)
        Own(prefix, "batch/v1:CronJob", metadata, {"spec": self.cron_job()}, opts)

    def cron_job(self) -> dict[str, Any]:
        """The CronJob's spec: one Job at a time, tried three times, within `DEADLINE`."""
        return {
            "schedule": self.schedule,
            "timeZone": "Etc/UTC",
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": _LATE,
            "successfulJobsHistoryLimit": _HISTORY,
            "failedJobsHistoryLimit": _HISTORY,
            "jobTemplate": {
                "metadata": {"labels": {**self.labels}},
                "spec": {
                    "backoffLimit": 2,
                    "activeDeadlineSeconds": DEADLINE,
                    "template": {**self.template},
                },
            },
        }
