"""The images that a stack can use, deployed or not: what its settings name, with the tags of its chart."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from components.settings.images import Image, parts
from ops import chart
from ops.adoption.reading import at
from ops.console import OpsError

_EXPORTER = "postgresql.metrics.enabled"


@dataclass(frozen=True)
class Usable:
    """An image of a setting; its tag is the chart's own where the setting has none."""

    key: str
    given: str
    """The setting, as the stack has it."""
    image: Image
    needed: bool
    """Whether pods run it; the others only an option of the chart's would."""


def usable(settings: Mapping[str, str], password: Callable[[], str]) -> list[Usable]:
    """All of them; `password` is that of the chart's registry. Raises `OpsError`, also for an unknown tag."""
    found = {key: parts(settings[key], settings["imageRegistry"]) for key in chart.IMAGES}
    bare = [key for key, image in found.items() if not (image.tag or image.digest)]
    tags = chart.tags(chart.of(settings, password)) if bare else {}
    for key in bare:
        if key not in tags:
            raise OpsError(
                f"{key} is {settings[key]}, without a tag, and chart {settings['chart']}"
                f" {settings['chartVersion']} gives none: `pulumi config set {key} {settings[key]}:TAG`"
            )
    return [
        Usable(
            key,
            settings[key],
            Image(image.registry, image.repository, tags[key] if key in bare else image.tag, image.digest),
            _needed(key, settings),
        )
        for key, image in found.items()
    ]


def _needed(key: str, settings: Mapping[str, str]) -> bool:
    """Whether pods run it: the chart fetches sources for its jobs only, which the program leaves out."""
    if key == "imagePostgresExporter":
        more = [json.loads(settings.get(name) or "{}") for name in ("extraValues", "adoptedValues")]
        return any(at(values, _EXPORTER, default=False) for values in more)
    return key != "imageGit"
