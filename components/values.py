"""From settings to Helm values of chart 5.1.17: a pure function, no secret in what it gives."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Any

from components.settings import Settings
from components.settings.chart_names import joined
from components.settings.guarded import LISTS
from components.values_access import access
from components.values_authentication import hooks, users
from components.values_images import images
from components.values_kept import kept
from components.values_network import ingress, metrics
from components.values_restart import restart
from components.values_server import database, server
from components.values_stores import artifacts

Values = dict[str, Any]

APPENDED = frozenset((*LISTS, "extraDeploy"))
"""Lists that grow when they are given twice: replaced, they would take workers, variables or TLS away.

`extraDeploy` is given by parts of the program alone.
"""


def values(settings: Settings) -> Values:
    """All values of the release; what they leave out has the chart's default."""
    found = patched(own_values(settings), settings.adopted_values)
    if any(missing(hooks(settings), found)):
        # A part of it alone would stop the server: a function that is not there, a volume without its source.
        without = settings.model_copy(update={"fast_authentication": False, "strict_permissions": False})
        return patched(own_values(without), settings.adopted_values)
    return found


def own_values(settings: Settings) -> Values:
    """The values that follow from the settings, whatever a release adopted from Helm has in their place."""
    parts = (images, database, artifacts, server, kept, hooks, users, ingress, access, metrics, restart)
    ours = functools.reduce(merged, (part(settings) for part in parts), _fixed())
    return merged(ours, settings.extra_values)


def patched(base: Mapping[str, Any], patch: Mapping[str, Any]) -> Values:
    """`base` with a JSON merge patch (RFC 7386) on it: null takes a key away, all but maps is replaced."""
    result = dict(base)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, Mapping):
            below = result.get(key)
            result[key] = patched(below if isinstance(below, Mapping) else {}, value)
        else:
            result[key] = value
    return result


def merged(base: Mapping[str, Any], over: Mapping[str, Any], path: str = "") -> Values:
    """`base` with `over` on top as Helm merges: maps key by key, anything else replaced.

    The lists of `APPENDED` are put one after the other; among equal options the last one wins.
    """
    result = dict(base)
    for key, value in over.items():
        below, here = result.get(key), f"{path}{key}"
        if isinstance(below, Mapping) and isinstance(value, Mapping):
            result[key] = merged(below, value, f"{here}.")
        else:
            result[key] = [*below, *value] if below and here in APPENDED else value
    return result


def missing(given: Mapping[str, Any], found: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """Paths of what is `given` and not among `found`; of a list all items must be there."""
    for key, value in given.items():
        here, there = joined(path, key), found.get(key)
        if isinstance(value, Mapping) and isinstance(there, Mapping):
            yield from missing(value, there, here)
        elif isinstance(value, list) and isinstance(there, list):
            if not all(item in there for item in value):
                yield here
        elif there != value:
            yield here


def _fixed() -> Values:
    """What no setting changes: authentication on, one server, no second object store, no public service."""
    return {
        "minio": {"enabled": False},
        "run": {"enabled": False},
        "tracking": {"auth": {"enabled": True}, "service": {"type": "ClusterIP"}},
    }
