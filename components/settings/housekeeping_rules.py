"""Rules of housekeeping: what a stack must have for it to work. No rule asks a cluster or a store."""

from __future__ import annotations

from collections.abc import Iterator

from components.settings.backup_rules import untagged
from components.settings.findings import Finding, wrong
from components.settings.model import Settings, set_command


def housekeeping(settings: Settings) -> Iterator[Finding]:
    """Housekeeping by a schedule has a stack that it fits."""
    if settings.housekeeping_schedule:
        yield from unfit(settings)


def unfit(settings: Settings) -> Iterator[Finding]:
    """Why there can be no housekeeping in a stack; nothing where there can."""
    if settings.artifact_store != "s3" and not settings.artifacts_proxied:
        yield wrong(
            settings,
            "artifacts_proxied",
            f"true with housekeeping and artifactStore {settings.artifact_store}, whose artifacts the server"
            " deletes",
            set_command("artifacts_proxied", "true"),
            *("artifact_store", "housekeeping_schedule"),
        )
    if not settings.backup_schedule:  # what is said of backups is not said twice
        yield from untagged(settings, "image_mlflow", "housekeeping runs", "housekeeping_schedule")
