"""Settings: when both databases and the artifacts are backed up, and how long backups are kept."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from components.settings import quantities as q
from components.settings import types as t
from components.settings.fields import Group, Whole, knob, matching, unless_empty
from components.settings.schedule import ACCEPTED, cron

_SEGMENT = r"[A-Za-z0-9][-._A-Za-z0-9]*"
_PODS: q.Amounts = {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}}


class Backup(Group):
    """Backup. Off without a schedule; `make restore` needs none."""

    backup_schedule: Annotated[str, unless_empty(cron)] = knob(
        "",
        "When databases and artifacts are backed up into the S3 bucket, in UTC. Empty: never.",
        accepted=ACCEPTED,
        example="@daily",
    )
    backup_prefix: Annotated[str, matching(rf"(?![0-9]+(?:/|\Z)){_SEGMENT}(?:/{_SEGMENT})*", longest=200)] = (
        knob(
            "backups",
            "Where backups are in the bucket: below PREFIX/NAMESPACE/RELEASE.",
            accepted='a path of a-z, A-Z, 0-9, "-", "_", "." and "/", whose first part is not a number'
            " (those are the experiments')",
        )
    )
    backup_keep: Annotated[int, Whole, Field(ge=1, le=1000)] = knob(
        14, "How many of the newest whole backups are kept."
    )
    backup_artifacts: t.Boolean = knob(
        True,
        "Copy the artifacts too (each content once for all backups); false: only the originals exist.",
    )
    backup_resources: Annotated[t.Resources, q.laid_over(_PODS)] = knob(
        _PODS,
        "Resources of each container that backs up or restores.",
        accepted="requests and limits: quantities by resource (empty: none), no request above its limit",
        example="--path backupResources.limits.memory 2Gi",
    )
