"""What a backup says of itself. Written last: a backup that was cut short has none and counts as nothing."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

FORMAT = 1
"""Raised when a reader of before could not restore it."""
FILE = "manifest.json"
INVENTORY = "artifacts.jsonl.gz"
DATABASES = ("runs", "users")
NAME = re.compile(r"[0-9]{8}T[0-9]{6}Z")
"""A backup's name, the moment it was begun: nothing else is ever deleted."""
_NAME = "%Y%m%dT%H%M%SZ"


class BackupError(Exception):
    """Something the person can act on; holds no secret."""


def new_name(now: datetime) -> str:
    """The name of a backup that begins now."""
    return now.astimezone(UTC).strftime(_NAME)


def time_of(name: str) -> datetime:
    """When a backup was begun."""
    return datetime.strptime(name, _NAME).replace(tzinfo=UTC)


@dataclass(frozen=True)
class File:
    """A file of a backup: bytes, and SHA-256 in hexadecimal."""

    name: str
    bytes: int
    sha256: str

    @classmethod
    def of(cls, path: Path) -> File:
        """What a file is now."""
        with path.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        return cls(path.name, path.stat().st_size, digest)


@dataclass(frozen=True)
class Database:
    """A dump: rows by table, revisions of its schema by table, and how many rows name the bucket itself."""

    dump: File
    rows: Mapping[str, int]
    schema: Mapping[str, str]
    direct: int


@dataclass(frozen=True)
class Artifacts:
    """The copies of the artifacts: how many, their bytes, and the list that names them."""

    objects: int
    bytes: int
    inventory: File


@dataclass(frozen=True)
class Manifest:
    """One whole backup. Endpoint and bucket are where the server had its artifacts."""

    name: str
    namespace: str
    release: str
    mlflow: str
    endpoint: str
    bucket: str
    databases: Mapping[str, Database]
    artifacts: Artifacts | None

    @property
    def files(self) -> list[File]:
        """All files beside the manifest."""
        dumps = [database.dump for database in self.databases.values()]
        return [*dumps, *([self.artifacts.inventory] if self.artifacts else [])]

    def as_json(self) -> dict[str, Any]:
        """As it is kept."""
        return {"format": FORMAT, **dataclasses.asdict(self)}

    @classmethod
    def read(cls, content: bytes) -> Manifest:
        """The manifest that was kept. Raises `BackupError` where it is broken or of another format."""
        try:
            given = json.loads(content)
            form = given.pop("format")
            if form != FORMAT:
                raise BackupError(f"its manifest has format {form}, and this program reads {FORMAT}")
            databases = {
                name: Database(**{**found, "dump": File(**found["dump"])})
                for name, found in given.pop("databases").items()
            }
            found = given.pop("artifacts")
            kept = Artifacts(**{**found, "inventory": File(**found["inventory"])}) if found else None
            made = cls(**given, databases=databases, artifacts=kept)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BackupError(f"its manifest is broken ({type(error).__name__})") from error
        if set(databases) != set(DATABASES):
            raise BackupError("its manifest is broken (it does not name both databases)")
        return made
