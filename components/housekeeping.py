"""Housekeeping of a stack by a schedule: when, by which pods, and what these may reach."""

from __future__ import annotations

from components import housekeeping_pods, names, reach
from components.scheduled import Scheduled
from components.settings import Settings


def housekeeping(settings: Settings) -> Scheduled | None:
    """The stack's housekeeping; None where there is no schedule."""
    if not settings.housekeeping_schedule:
        return None
    own = names.housekeeping(settings.release_name)
    keeper = reach.store if settings.artifact_store == "s3" else reach.server
    return Scheduled(
        own,
        settings.housekeeping_schedule,
        housekeeping_pods.labels(settings),
        housekeeping_pods.program(),
        housekeeping_pods.template(settings, own),
        reach.policy(
            housekeeping_pods.selector(settings.release_name), reach.database(settings), keeper(settings)
        ),
    )
