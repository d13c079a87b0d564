"""The backups of a home, which is a folder of a bucket: which are whole, and which have had their time."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from components.pod_backup import artifacts
from components.pod_backup.manifest import FILE, INVENTORY, NAME, BackupError, File, Manifest, time_of
from components.pod_bucket import Bucket

_UNDER_WAY = timedelta(days=1)
"""Before this age a backup without a manifest may still be written."""


@dataclass(frozen=True)
class Entry:
    """A backup; `fault` says why it cannot be restored, and is empty where it can."""

    name: str
    manifest: Manifest | None
    fault: str
    partial: bool = False
    """It has no manifest at all."""


def entries(bucket: Bucket, home: str) -> list[Entry]:
    """All backups, the newest first. What is named otherwise is none."""
    found = sorted(filter(NAME.fullmatch, bucket.folders(home)), reverse=True)
    return [entry(bucket, home, name) for name in found]


def entry(bucket: Bucket, home: str, name: str) -> Entry:
    """One backup, looked at without reading its dumps."""
    content = bucket.read(f"{home}{name}/{FILE}")
    if content is None:
        return Entry(name, None, "it has no manifest: it was cut short, or never was", partial=True)
    try:
        manifest = Manifest.read(content)
    except BackupError as error:
        return Entry(name, None, str(error))
    sizes = {found.key: found.size for found in bucket.objects(f"{home}{name}/")}
    faults = (_fault(file, sizes.get(f"{home}{name}/{file.name}")) for file in manifest.files)
    return Entry(name, manifest, next(filter(None, faults), ""))


def _fault(file: File, size: int | None) -> str:
    if size is None:
        return f"{file.name} is missing"
    return "" if size == file.bytes else f"{file.name} has {size} bytes and not {file.bytes}"


def expired(whole: Collection[str], keep: int) -> list[str]:
    """The names that are more than the newest `keep`, of which there is at least one."""
    return sorted(whole, reverse=True)[max(keep, 1) :]


def retain(bucket: Bucket, home: str, keep: int, now: datetime) -> list[str]:
    """Delete what has had its time, and copies of artifacts that no backup lists; the names deleted.

    Only whole backups count. What is broken is left for a person to look at; what was cut short goes when a
    day has passed, and until then, as it may be under way, no copy goes.
    """
    found = entries(bucket, home)
    gone = expired([one.name for one in found if not one.fault], keep)
    gone += [one.name for one in found if one.partial and now - time_of(one.name) > _UNDER_WAY]
    for name in gone:
        # Without its manifest it is no backup, whatever comes between.
        bucket.delete([f"{home}{name}/{FILE}"])
        bucket.delete([one.key for one in bucket.objects(f"{home}{name}/")])
    if gone:
        _sweep(bucket, home)
    return gone


def _sweep(bucket: Bucket, home: str) -> None:
    """Delete copies that none of the backups lists; nothing, where it cannot be told for one of them.

    A backup that is under way has no manifest and lists nothing yet. Its dumps are there before its first
    copy, so the copies are looked at first.
    """
    folder = f"{home}{artifacts.FOLDER}/"
    copies = [one.key for one in bucket.objects(folder)]
    listed: set[str] = set()
    for one in entries(bucket, home):
        if one.partial:
            return
        content = bucket.read(f"{home}{one.name}/{INVENTORY}")
        if one.fault or (content is None and one.manifest and one.manifest.artifacts):
            return
        listed |= {kept.copy for kept in artifacts.listed(content)} if content else set()
    bucket.delete([key for key in copies if key.removeprefix(folder) not in listed])
