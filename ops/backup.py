"""Backs a stack up now, by a Job of its own CronJob; tells what was stored, and which backups there are."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from kubernetes import client
from rich.markup import escape
from rich.table import Table

from components import names
from ops import cluster
from ops.at_work import at_work
from ops.console import OpsError, out, step
from ops.jobs import Job
from ops.rotation.target import Target
from ops.stack import Stack

_STORE = "store"
S3 = "s3"
"""The store that there are backups with."""
MEMORY = "backupResources.limits.memory 2Gi"
"""The setting for a pod of backups or restores that needs more memory, with a value."""


def backup(stack: Stack, config: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Back it up; what was stored. `config` are its plain settings, where they are known already.

    Raises `OpsError`: what is there then counts as no backup.
    """
    target = Target.of(stack, config)
    cron_job = _cron_job(target)
    owner = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "name": cron_job["metadata"]["name"],
        "uid": cron_job["metadata"]["uid"],
        "controller": True,  # the CronJob's history limits take it away
    }
    spec = cron_job["spec"]["jobTemplate"]["spec"]
    job = Job.alone(
        *(target, _prefix(target, "now"), spec),
        beside=at_work(target.release),
        memory=MEMORY,
        labels=spec["template"]["metadata"]["labels"],
        ownerReferences=[owner],
    )
    with step("Dumping both databases and reading the dumps back"):
        job.ended("dump")
    with step("Storing dumps, artifacts and manifest"):
        job.ended(_STORE)
        stored = job.told(_STORE)
        job.closed()
    return stored


def listed(stack: Stack) -> dict[str, Any]:
    """The backups of a stack, and what is wrong with those that cannot be restored. Raises `OpsError`."""
    target = Target.of(stack)
    spec = copy.deepcopy(_cron_job(target)["spec"]["jobTemplate"]["spec"])
    pod = spec["template"]["spec"]
    pod["initContainers"] = []
    pod["containers"][0]["command"][-1] = "list"
    # Without labels: to others it is no backup.
    job = Job.begin(target, _prefix(target, "list"), spec, MEMORY)
    try:
        with step("Looking at the backups in the bucket"):
            job.ended(_STORE)
        return job.told(_STORE)
    finally:
        job.end()


def _prefix(target: Target, what: str) -> str:
    """What a Job's name begins with."""
    return f"{names.backup(target.release)}-{what}"


def _cron_job(target: Target) -> dict[str, Any]:
    """The stack's CronJob, as the cluster has it. Raises `OpsError` where it has none."""
    batch, name = client.BatchV1Api(target.api.api_client), names.backup(target.release)
    found = cluster.unless_missing(lambda: batch.read_namespaced_cron_job(name, target.namespace))
    if found is None:
        stack = target.stack.name
        if (store := target.config.get("artifactStore", S3)) != S3:
            raise OpsError(
                f"stack {stack} has no backups: there are none with artifactStore {store}. Back up its"
                " database and its store by their own means; `make promote` goes without, with --no-backup"
            )
        raise OpsError(
            f"stack {stack} has no backups: `pulumi config set backupSchedule @daily --stack {stack}`,"
            f" `pulumi up --stack {stack}`"
        )
    made: dict[str, Any] = target.api.api_client.sanitize_for_serialization(found)
    return made


def report(done: Mapping[str, Any]) -> None:
    """What was stored: where, sizes, rows, checksums."""
    stored = done["stored"]
    out.print(f"[green]stored[/green] {stored['name']} in {escape(done['where'])}")
    for line in lines(stored):
        out.print(f"  {line}", markup=False)
    if done["deleted"]:
        out.print(f"  deleted    {', '.join(done['deleted'])}", markup=False)


def lines(stored: Mapping[str, Any]) -> Iterator[str]:
    """The parts of a backup, one a line."""
    for part, database in stored["databases"].items():
        rows, dump = database["rows"], database["dump"]
        told = f"{sum(rows.values())} rows in {len(rows)} tables"
        yield f"{part:<10} {size(dump['bytes'])}, {told}, sha256 {dump['sha256']}"
    if kept := stored["artifacts"]:
        told = f"{size(kept['bytes'])} in {kept['objects']} objects"
        yield f"{'artifacts':<10} {told}, sha256 of their list {kept['inventory']['sha256']}"
    else:
        yield f"{'artifacts':<10} none (backupArtifacts false)"


def report_list(found: Mapping[str, Any]) -> None:
    """The backups as a table, the newest first."""
    table = Table(title=f"Backups in {found['where']}")
    for heading in ("backup", "databases", "runs", "artifacts", "whole"):
        table.add_column(heading, overflow="fold")
    for name, stored in found["backups"].items():
        fault = found["faults"][name]
        table.add_row(name, *(_cells(stored) if stored else ("", "", "")), escape(fault) or "yes")
    out.print(table)


def _cells(stored: Mapping[str, Any]) -> tuple[str, str, str]:
    databases, kept = stored["databases"], stored["artifacts"]
    bytes_ = sum(database["dump"]["bytes"] for database in databases.values())
    runs = next((rows for table, rows in databases["runs"]["rows"].items() if table.endswith(".runs")), 0)
    return size(bytes_), str(runs), f"{size(kept['bytes'])} in {kept['objects']}" if kept else "none"


def size(count: int) -> str:
    """A number of bytes for a person."""
    amount, unit = float(count), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if amount < 1024:
            break
        amount, unit = amount / 1024, larger
    return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
