"""Stores the dumps of both databases and the artifacts; the manifest last, then what is too old goes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from components.pod_backup import artifacts, catalogue
from components.pod_backup.manifest import (
    DATABASES,
    FILE,
    INVENTORY,
    Artifacts,
    BackupError,
    Database,
    File,
    Manifest,
    new_name,
)
from components.pod_bucket import Bucket


@dataclass(frozen=True)
class Place:
    """Where a release's backups are: below `prefix` of its bucket; and who the release is."""

    prefix: str
    namespace: str
    release: str
    endpoint: str
    mlflow: str

    @property
    def home(self) -> str:
        """The folder of this release's backups."""
        return f"{self.prefix}/{self.namespace}/{self.release}/"


def save(bucket: Bucket, place: Place, work: Path, keep: int, with_artifacts: bool) -> dict[str, Any]:
    """Store what `database.sh dump` left in `work`; what was stored, and which were deleted.

    Raises `BackupError`.
    """
    name = new_name(datetime.now(UTC))
    home = f"{place.home}{name}/"
    if any(bucket.objects(home)):
        raise BackupError(f"another backup has begun in this very second, {name}: run it again")
    databases = {part: _database(work, part) for part in DATABASES}
    for database in databases.values():
        bucket.upload(work / database.dump.name, f"{home}{database.dump.name}")
    kept = _artifacts(bucket, place, work, home) if with_artifacts else None
    manifest = Manifest(
        name,
        place.namespace,
        place.release,
        place.mlflow,
        place.endpoint,
        bucket.name,
        databases,
        kept,
    )
    bucket.write(f"{home}{FILE}", json.dumps(manifest.as_json(), indent=1).encode())
    entry = catalogue.entry(bucket, place.home, name)
    if entry.fault:
        raise BackupError(f"the store does not give back what it was given: {entry.fault}")
    deleted = catalogue.retain(bucket, place.home, keep, datetime.now(UTC))
    return {"stored": manifest.as_json(), "where": f"s3://{bucket.name}/{home}", "deleted": deleted}


def _artifacts(bucket: Bucket, place: Place, work: Path, home: str) -> Artifacts:
    kept = artifacts.save(bucket, f"{place.home}{artifacts.FOLDER}/", f"{place.prefix}/")
    file = work / INVENTORY
    artifacts.written(kept, file)
    bucket.upload(file, f"{home}{INVENTORY}")
    return Artifacts(len(kept), sum(one.size for one in kept), File.of(file))


def _database(work: Path, part: str) -> Database:
    """A dump, and what `database.sh` read in it: "rows TABLE N", "schema TABLE REVISION", "direct N"."""
    found: dict[str, dict[str, str]] = {"rows": {}, "schema": {}, "direct": {}}
    for line in (work / f"{part}.found").read_text().splitlines():
        kind, name, *value = line.split()
        found[kind][name] = value[0] if value else ""
    rows = {table: int(count) for table, count in found["rows"].items()}
    (direct,) = found["direct"]
    return Database(File.of(work / f"{part}.dump"), rows, found["schema"], int(direct))
