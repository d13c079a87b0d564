"""Rules of backups: what a stack must have for them to work. No rule asks a cluster or a store."""

from __future__ import annotations

from collections.abc import Iterator

from components.settings.findings import Finding, no_effect, wrong
from components.settings.images import CHART, image, own_tag
from components.settings.model import Settings, remove_command, set_command

_OFF = ("backup_keep", "backup_artifacts")


def backup(settings: Settings) -> Iterator[Finding]:
    """A backup has a schedule, and a stack that can be backed up."""
    if not settings.backup_schedule:
        for name in _OFF:
            yield from no_effect(settings, name, "without backupSchedule", "backup_schedule")
        return
    yield from unfit(settings)


def unfit(settings: Settings) -> Iterator[Finding]:
    """Why a stack can be neither backed up nor restored; nothing where it can."""
    if settings.artifact_store != "s3":
        yield wrong(
            settings,
            "backup_schedule",
            f"nothing with artifactStore {settings.artifact_store}: backups are kept in the S3 bucket",
            remove_command("backup_schedule"),
            "artifact_store",
        )
    if settings.database == "external" and settings.database_name == settings.database_auth_name:
        yield wrong(
            settings,
            "database_auth_name",
            "a database other than databaseName: the two are backed up and restored separately",
            set_command("database_auth_name"),
            *("database", "database_name", "backup_schedule"),
        )
    for name in ("image_mlflow", "image_postgresql"):
        yield from untagged(settings, name, "backups run", "backup_schedule")


def untagged(settings: Settings, name: str, runs: str, *others: str) -> Iterator[Finding]:
    """An image that pods of the stack's own run has no tag that is known."""
    parts = image(settings, name)
    if not (parts.tag or parts.digest or own_tag(settings, name)):
        yield wrong(
            settings,
            name,
            f"a tag or a digest: {runs} it too, and the chart's own tag is known for {CHART} only",
            set_command(name, f"{parts.repository}:TAG"),
            *("chart_version", *others),
        )
