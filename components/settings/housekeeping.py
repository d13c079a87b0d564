"""Settings: when runs and experiments that were deleted are removed for good, and after how long."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from components.settings import durations, schedule
from components.settings import quantities as q
from components.settings import types as t
from components.settings.fields import Group, knob, unless_empty

_PODS: q.Amounts = {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}}


class Housekeeping(Group):
    """Housekeeping. Off without a schedule; `make gc` needs none."""

    housekeeping_schedule: Annotated[str, unless_empty(schedule.cron)] = knob(
        "",
        "When deleted runs and experiments are removed for good, with their artifacts, in UTC. Empty: never.",
        accepted=schedule.ACCEPTED,
        example="@weekly",
    )
    housekeeping_older_than: Annotated[str, AfterValidator(durations.duration)] = knob(
        "30d",
        "How long ago they must have been deleted; until then they can be restored.",
        accepted=durations.ACCEPTED,
    )
    housekeeping_resources: Annotated[t.Resources, q.laid_over(_PODS)] = knob(
        _PODS,
        "Resources of the container that removes them.",
        accepted="requests and limits: quantities by resource (empty: none), no request above its limit",
        example="--path housekeepingResources.limits.memory 2Gi",
    )
