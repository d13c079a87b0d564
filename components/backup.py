"""Backups of a stack by a schedule: when, by which pods, and what these may reach."""

from __future__ import annotations

from components import backup_pods, names, reach
from components.scheduled import Scheduled
from components.settings import Settings


def backups(settings: Settings) -> Scheduled | None:
    """The stack's backups; None where there is no schedule."""
    if not settings.backup_schedule:
        return None
    own, selector = names.backup(settings.release_name), backup_pods.selector(settings.release_name)
    return Scheduled(
        own,
        settings.backup_schedule,
        backup_pods.labels(settings),
        backup_pods.program(),
        backup_pods.backup(settings, own),
        reach.policy(selector, reach.database(settings), reach.store(settings)),
    )
