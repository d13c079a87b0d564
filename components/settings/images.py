"""What an image setting stands for."""

from __future__ import annotations

from dataclasses import dataclass

from components import names
from components.settings.model import Settings

CHART = "5.1.17"
"""The chart whose own tags are known here."""
_TAGS = {"image_mlflow": "3.3.2-debian-12-r0", "image_postgresql": "17.6.0-debian-12-r4"}


@dataclass(frozen=True)
class Image:
    """Parts of an image reference; `tag` and `digest` may be empty."""

    registry: str
    repository: str
    tag: str
    digest: str


def image(settings: Settings, name: str) -> Image:
    """The parts of an image setting, its registry taken from `imageRegistry` where it names none."""
    return parts(getattr(settings, name), settings.image_registry)


def parts(reference: str, default: str) -> Image:
    """The parts of an image reference; where it names no registry, that is `default`."""
    rest, _, digest = reference.partition("@")
    first, slash, path = rest.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        registry, rest = first, path
    else:
        registry = default
    repository, _, tag = rest.partition(":")
    return Image(registry, repository, tag, digest)


def own_tag(settings: Settings, name: str) -> str:
    """The tag that the chart itself gives an image; empty where that is not known."""
    return _TAGS[name] if settings.chart_version == CHART else ""


def reference(settings: Settings, name: str) -> str:
    """An image as a pod names it, for what runs beside the chart."""
    found = image(settings, name)
    tag = found.tag or ("" if found.digest else own_tag(settings, name))
    return "".join(
        (
            f"{found.registry}/{found.repository}",
            f":{tag}" if tag else "",
            f"@{found.digest}" if found.digest else "",
        )
    )


def pull_secrets(settings: Settings) -> list[str]:
    """Names of the Secrets by which nodes pull: those that are named, and the stack's own of a login."""
    own = [names.own(settings.release_name, names.PULL_SECRET)] if settings.image_username else []
    return [*settings.image_pull_secrets, *own]
