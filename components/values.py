"""From settings to Helm values of chart 5.1.17: a pure function, no secret in what it gives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from components.settings import Settings
from components.values_images import images
from components.values_network import ingress, metrics
from components.values_server import database, server
from components.values_stores import artifacts

Values = dict[str, Any]

APPENDED = ("extraArgs", "extraEnvVars")
"""Lists of `tracking` that `extraValues` appends to: replacing them would take the server's workers away."""


def values(settings: Settings) -> Values:
    """All values of the release; what they leave out has the chart's default."""
    result: Values = {}
    for part in (_fixed(), images(settings), database(settings), artifacts(settings), server(settings)):
        result = merged(result, part)
    result = merged(merged(result, ingress(settings)), metrics(settings))
    return merged(result, _appending(result, settings.extra_values))


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> Values:
    """`base` with `over` on top as Helm merges: maps key by key, anything else replaced."""
    result = dict(base)
    for key, value in over.items():
        below = result.get(key)
        both = isinstance(below, Mapping) and isinstance(value, Mapping)
        result[key] = merged(below, value) if both else value  # type: ignore[arg-type]
    return result


def _appending(base: Values, extra: Mapping[str, Any]) -> Mapping[str, Any]:
    """`extra` with its `APPENDED` lists after those of `base`; among equal options the last one wins."""
    tracking = extra.get("tracking", {})
    lists = {
        name: [*base["tracking"].get(name, []), *tracking[name]] for name in APPENDED if name in tracking
    }
    return merged(extra, {"tracking": lists}) if lists else extra


def _fixed() -> Values:
    """What no setting changes: authentication on, one server, no second object store, no public service."""
    return {
        "minio": {"enabled": False},
        "run": {"enabled": False},
        "tracking": {"auth": {"enabled": True}, "service": {"type": "ClusterIP"}},
    }
