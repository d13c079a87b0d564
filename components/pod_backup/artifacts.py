"""The backup's own copies of the artifacts: made by the store itself, each content once for all backups.

A copy's name follows from key, tag and size of what it was made from. So a nightly backup copies what is new
or changed, and what was deleted since stays for the backups that list it.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from components.pod_backup.manifest import DATABASES, FILE, INVENTORY, NAME, BackupError
from components.pod_bucket import Bucket, Object, at_once

FOLDER = "objects"
_TRIES = 3
_FILES = "|".join(map(re.escape, (*(f"{part}.dump" for part in DATABASES), INVENTORY, FILE)))
_OF_BACKUP = re.compile(
    r"(?![0-9]+/|.*[0-9a-f]{32}/artifacts/)(?P<home>(?:[-._A-Za-z0-9]+/){3,})"
    rf"(?:(?P<backup>{NAME.pattern})/(?:{_FILES})|{FOLDER}/[0-9a-f]{{64}})"
)
"""What keys of backups are like, and none of MLflow's: these begin with an experiment's number or, where it
has a place of its own, go on with the id of a run, model or trace and "artifacts" (3.3.2)."""


@dataclass(frozen=True)
class Kept:
    """An artifact of a backup: its key and size, and the copy's name and tag."""

    key: str
    size: int
    etag: str
    copy: str
    copy_etag: str


def copy_name(found: Object) -> str:
    """The name of the copy of an object."""
    return hashlib.sha256(f"{found.key}\0{found.etag}\0{found.size}".encode()).hexdigest()


def save(bucket: Bucket, folder: str, prefix: str) -> list[Kept]:
    """Copy into `folder` what is not there yet of all artifacts, outside `prefix`. Raises `BackupError`.

    An artifact that changes meanwhile is taken as it is then; one that goes away is left out.
    """
    there = {found.key for found in bucket.objects(folder)}
    sources = _no_backups(found for found in bucket.objects("") if not found.key.startswith(prefix))
    taken: dict[str, Object] = {}
    for _ in range(_TRIES):
        missing = [found for found in sources if f"{folder}{copy_name(found)}" not in there]
        done = at_once(lambda found: bucket.copy(bucket, found, f"{folder}{copy_name(found)}"), missing)
        lost = {found.key for found, copied in zip(missing, done, strict=True) if not copied}
        taken.update({found.key: found for found in sources if found.key not in lost})
        sources = [found for found in at_once(bucket.look, lost) if found]
        if not sources:
            return _kept(bucket, folder, taken.values())
    raise BackupError(f"{len(sources)} artifacts change faster than they are copied, as {sources[0].key}")


def _no_backups(found: Iterable[Object]) -> list[Object]:
    """All but the backups of stacks with another prefix: two would copy each other's copies without an end.

    Copies are known by a backup beside them: its dumps are there first.
    """
    parts = [(one, _OF_BACKUP.fullmatch(one.key)) for one in found]
    homes = {part["home"] for _, part in parts if part and part["backup"]}
    return [one for one, part in parts if part is None or part["home"] not in homes]


def _kept(bucket: Bucket, folder: str, taken: Iterable[Object]) -> list[Kept]:
    """The list of what was copied, with the copies as the store has them now."""
    copies = {found.key: found for found in bucket.objects(folder)}
    kept = []
    for found in taken:
        name = copy_name(found)
        copy = copies.get(f"{folder}{name}")
        if copy is None or copy.size != found.size:
            raise BackupError(f"the copy of {found.key} is not there: does another backup run? Run it again")
        kept.append(Kept(found.key, found.size, found.etag, name, copy.etag))
    return sorted(kept, key=lambda one: one.key)


def written(kept: Iterable[Kept], file: Path) -> None:
    """Write the list: one JSON object a line, compressed."""
    lines = "".join(f"{json.dumps(asdict(one))}\n" for one in kept)
    file.write_bytes(gzip.compress(lines.encode(), mtime=0))


def listed(content: bytes) -> list[Kept]:
    """The list that was written."""
    return [Kept(**json.loads(line)) for line in gzip.decompress(content).splitlines()]


def check(bucket: Bucket, folder: str, kept: Collection[Kept]) -> None:
    """Every copy is there as it was made, by size and tag. Raises `BackupError`; changes nothing."""
    there = {found.key: (found.size, found.etag) for found in bucket.objects(folder)}
    broken = [one.key for one in kept if there.get(f"{folder}{one.copy}") != (one.size, one.copy_etag)]
    if broken:
        raise BackupError(
            f"{len(broken)} of {len(kept)} copies of artifacts are missing or changed, as that of {broken[0]}"
        )


def bring_back(source: Bucket, folder: str, kept: Collection[Kept], target: Bucket) -> int:
    """Copy into the target what it does not have already; how many. Raises `BackupError`."""
    there = {found.key: (found.size, found.etag) for found in target.objects("")}
    missing = [one for one in kept if there.get(one.key) not in _same(one)]

    def copied(one: Kept) -> bool:
        return target.copy(source, Object(f"{folder}{one.copy}", one.size, one.copy_etag), one.key)

    for one, done in zip(missing, at_once(copied, missing), strict=True):
        if not done:
            raise BackupError(f"the copy of {one.key} went away or was changed: run it again")
    return len(missing)


def _same(one: Kept) -> tuple[tuple[int, str], tuple[int, str]]:
    """Size and tag of what need not be copied: the artifact as it was, or its copy."""
    return (one.size, one.etag), (one.size, one.copy_etag)
