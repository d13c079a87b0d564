"""Finds a backup, fetches it and checks all of it, before anything of the target is touched."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from components.pod_backup import artifacts, catalogue
from components.pod_backup.catalogue import Entry
from components.pod_backup.manifest import FILE, NAME, BackupError, File, Manifest
from components.pod_backup.save import Place
from components.pod_bucket import Bucket

LATEST = "latest"
_ELSEWHERE = re.compile(r"s3://([^/]+)/(.+/)([^/]+)/?")
_PLAN = "plan.json"
_SAME = "same-mlflow"
"""Says to `database.sh` whether backup and target have the same version of MLflow: true or false."""

Opened = Callable[[str], Bucket]
"""Gives the bucket of a name."""


def fetch(open_bucket: Opened, target: Bucket, place: Place, work: Path, wanted: str) -> dict[str, Any]:
    """Bring the dumps of a backup into `work`, with what `database.sh check` must find in them.

    `wanted` is "latest", a name, or `s3://bucket/.../NAME` of another stack. Raises `BackupError`.
    """
    source, home, name = target, place.home, wanted
    if elsewhere := _ELSEWHERE.fullmatch(wanted):
        source, home, name = open_bucket(elsewhere[1]), elsewhere[2], elsewhere[3]
    found = _found(source, home, name)
    where = f"s3://{source.name}/{home}{found.name}"
    if found.fault or found.manifest is None:
        raise BackupError(f"{where} is refused: {found.fault}")
    manifest = found.manifest
    _refuse_elsewhere(manifest, target, place)
    for file in manifest.files:
        path = work / file.name
        source.download(f"{home}{found.name}/{file.name}", path)
        if File.of(path) != file:
            raise BackupError(
                f"{where} is refused: {file.name} is corrupt, its SHA-256 is not the manifest's"
            )
    kept = _kept(manifest, work)
    artifacts.check(source, f"{home}{artifacts.FOLDER}/", kept)
    for part, database in manifest.databases.items():
        lines = [f"rows {table} {count}" for table, count in database.rows.items()]
        lines += [f"schema {table} {revision}" for table, revision in database.schema.items()]
        (work / f"{part}.wanted").write_text("".join(f"{line}\n" for line in sorted(lines)))
    (work / _SAME).write_text(str(manifest.mlflow == place.mlflow).lower())
    plan = {"bucket": source.name, "home": home, "name": found.name}
    (work / _PLAN).write_text(json.dumps(plan))
    return {"where": where, "found": manifest.as_json()}


def bring_back(open_bucket: Opened, target: Bucket, work: Path) -> dict[str, Any]:
    """Copy the artifacts of the backup that was fetched into `work`."""
    plan = json.loads((work / _PLAN).read_text())
    source, home = open_bucket(plan["bucket"]), plan["home"]
    content = source.read(f"{home}{plan['name']}/{FILE}")
    kept = _kept(Manifest.read(content or b""), work)
    copied = artifacts.bring_back(source, f"{home}{artifacts.FOLDER}/", kept, target)
    return {"artifacts": len(kept), "copied": copied}


def _found(source: Bucket, home: str, name: str) -> Entry:
    """The backup of that name, or the newest whole one."""
    if name != LATEST:
        if not NAME.fullmatch(name):
            raise BackupError(f"{name} is no name of a backup, which is like 20260131T021700Z, or latest")
        return catalogue.entry(source, home, name)
    whole = (entry for entry in catalogue.entries(source, home) if not entry.fault)
    if latest := next(whole, None):
        return latest
    raise BackupError(f"there is no whole backup in s3://{source.name}/{home}")


def _refuse_elsewhere(manifest: Manifest, target: Bucket, place: Place) -> None:
    """Whether runs would find their artifacts from the target. Raises `BackupError` where they would not."""
    direct = sum(database.direct for database in manifest.databases.values())
    if direct and target.name != manifest.bucket:
        raise BackupError(
            f"{direct} experiments and runs name their artifacts by s3://{manifest.bucket} itself"
            f" (artifactsProxied false), and the target's bucket is {target.name}: restore into a stack whose"
            f" s3Bucket is {manifest.bucket}, of whichever service"
        )
    same = (place.endpoint, target.name) == (manifest.endpoint, manifest.bucket)
    if manifest.artifacts is None and not same:
        raise BackupError(
            f"it holds no artifacts (backupArtifacts false), and the target does not have its own in"
            f" s3://{manifest.bucket} of {manifest.endpoint}"
        )


def _kept(manifest: Manifest, work: Path) -> list[artifacts.Kept]:
    if manifest.artifacts is None:
        return []
    return artifacts.listed((work / manifest.artifacts.inventory.name).read_bytes())
