"""What an image setting stands for."""

from __future__ import annotations

from dataclasses import dataclass

from components.settings.model import Settings


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
