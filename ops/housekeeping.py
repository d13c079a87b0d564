"""Removes for good what was deleted long ago, or lists it, by the pod that the stack's CronJob would run.

It is made from the stack's settings, so it needs no schedule. What was shown is what goes, at the most: the
moment up to which something must have been deleted is that of the list.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from kubernetes.client.exceptions import ApiException
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from components import housekeeping_pods, names
from components.housekeeping_pods import CONTAINER
from components.scheduled import DEADLINE
from components.settings import Settings
from components.settings.housekeeping_rules import unfit
from ops import cluster, parsed
from ops.at_work import at_work
from ops.backup import size
from ops.console import OpsError, err, out, step
from ops.jobs import Job
from ops.rotation.target import Target
from ops.stack import Stack

_MEMORY = "housekeepingResources.limits.memory 2Gi"
"""The setting for a pod that needs more memory, with a value."""
_KEPT = 3600
"""Seconds that a Job is kept whose command was killed."""


def opened(stack: Stack) -> tuple[Target, Settings]:
    """The cluster and the settings of a stack that housekeeping fits. Raises `OpsError`."""
    return parsed.opened(stack, unfit)


def look(target: Target, settings: Settings, older_than: str | None) -> dict[str, Any]:
    """What would go: `items`, and how many, as the pod prints them. Raises `OpsError`; changes nothing."""
    job = _begin(target, settings, older_than, "list", None)
    try:
        with step("Looking through what was deleted"):
            job.ended(CONTAINER)
        return _found(job)
    finally:
        job.end()


def remove(target: Target, settings: Settings, older_than: str | None, before: int | None) -> dict[str, Any]:
    """Remove what was deleted up to `before` (milliseconds since 1970), else longer ago than `older_than`.

    What has become of each, as the pod prints it. Raises `OpsError` where some could not be removed, after
    what could is reported.
    """
    job = _begin(target, settings, older_than, "remove", before)
    try:
        with step("Removing what was deleted, with its artifacts"):
            job.ended(CONTAINER)
        return _found(job)
    except OpsError:
        # A pod that never ran has no log, and the last line of one that was killed may be cut off.
        with suppress(ApiException, ValueError):
            if job.pod() and (done := job.listed(CONTAINER)):
                report(target.stack.name, _together(done), to=err)
        raise
    finally:
        job.end()


def _begin(target: Target, settings: Settings, older_than: str | None, what: str, before: int | None) -> Job:
    """The Job, and its program, which goes with it."""
    if older_than:
        settings = settings.model_copy(update={"housekeeping_older_than": older_than})
    own = f"{names.housekeeping(target.release)}-{what}"
    program = f"{own}-{secrets.token_hex(3)}"
    body: Any = {"metadata": {"name": program}, "data": housekeeping_pods.program()}
    spec = {
        "activeDeadlineSeconds": DEADLINE,
        "ttlSecondsAfterFinished": _KEPT,
        "template": housekeeping_pods.template(settings, program, what, before),
    }
    target.api.create_namespaced_config_map(target.namespace, body)
    job = None
    try:
        if what == "list":
            job = Job.begin(target, own, spec, _MEMORY)  # without labels: to others it is no housekeeping
        else:
            labels = housekeeping_pods.labels(settings)
            job = Job.alone(target, own, spec, at_work(target.release), memory=_MEMORY, labels=labels)
        owner = {"apiVersion": "batch/v1", "kind": "Job", "name": job.name, "uid": job.uid}
        owned: Any = {"metadata": {"ownerReferences": [owner]}}
        target.api.patch_namespaced_config_map(program, target.namespace, owned)
    except BaseException:
        if job:
            job.end()
        cluster.unless_missing(lambda: target.api.delete_namespaced_config_map(program, target.namespace))
        raise
    return job


def _found(job: Job) -> dict[str, Any]:
    return _together(job.listed(CONTAINER))


def _together(lines: list[dict[str, Any]]) -> dict[str, Any]:
    """Items, then what they are together: the line that has no `kind`; without it the pod was cut short."""
    items = [line for line in lines if "kind" in line]
    totals = [line for line in lines if "kind" not in line]
    return {**(totals[-1] if totals else {}), "items": items}


def count(found: Mapping[str, Any]) -> str:
    """How much goes or went, for a person."""
    kinds = {"run": found["runs"], "experiment": found["experiments"]}
    told = [f"{number} {kind}{'s' if number > 1 else ''}" for kind, number in kinds.items() if number]
    artifacts = f" with {size(found['bytes'])} in {found['objects']} objects" if found["objects"] else ""
    return " and ".join(told) + artifacts if told else "nothing"


def report(stack: str, found: Mapping[str, Any], to: Console = out) -> None:
    """Each item in a line, why some stay, and how many they are."""
    if found["items"]:
        to.print(_table(found["items"]))
    for one in found["items"]:
        if one["why"]:
            to.print(f"{_named(one)} {one['what']}: {escape(one['why'])}")
    if "before" in found:
        removed = any(one["what"] == "removed" for one in found["items"])
        what = "[green]removed[/green]" if removed else "to remove:"
        when = _time(found["before"])
        to.print(f"{escape(stack)}, deleted up to {when} UTC: {what} {count(found)}")


def _table(items: list[Mapping[str, Any]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("what", "name", "experiment", "deleted (UTC)", "artifacts"):
        # An id that is cut in two cannot be copied.
        table.add_column(heading, overflow="fold", no_wrap=heading == "what")
    for one in items:
        held = "not counted" if one["objects"] is None else f"{size(one['bytes'])} in {one['objects']}"
        cells = (one["name"], one["experiment"], _time(one["deleted"]), held)
        table.add_row(_named(one), *map(escape, cells))
    return table


def _named(item: Mapping[str, Any]) -> str:
    return f"{item['kind']} {escape(item['id'])}"


def _time(milliseconds: int) -> str:
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d %H:%M}"
