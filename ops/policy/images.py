"""Rules of images: from where, and which exactly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from components.settings.images import Image, parts
from ops.policy.evidence import Evidence, containers
from ops.policy.rule import Breach, Rule

DOCKER = "docker.io"
_SETTINGS = {
    "mlflow": "imageMlflow",
    "postgresql": "imagePostgresql",
    "os-shell": "imageOsShell",
    "git": "imageGit",
    "postgres-exporter": "imagePostgresExporter",
}
"""The setting of an image by the last part of its repository."""


def _images(evidence: Evidence) -> Iterator[tuple[str, str, Image]]:
    """Every image that a pod would run: as it is written, its parts, and the first place that has it."""
    seen = set()
    for where, container in containers(evidence.objects):
        written = str(container.get("image", ""))
        if written not in seen:
            seen.add(written)
            image = parts(written, DOCKER)
            # What names neither registry nor owner is in Docker's own library.
            official = image.registry == DOCKER and "/" not in image.repository
            repository = f"library/{image.repository}" if official else image.repository
            yield where, written, Image(image.registry, repository, image.tag, image.digest)


def _set(image: Image, reference: str) -> str:
    """The command that sets an image, or where to look when it is no setting's."""
    setting = _SETTINGS.get(image.repository.rpartition("/")[2])
    return (
        f"pulumi config set {setting} {reference}"
        if setting
        else f"use this name where it is set: {reference}"
    )


def _path(evidence: Evidence, options: Mapping[str, Any]) -> Iterator[Breach]:
    allowed = [str(path).rstrip("/*") for path in options["allowed"]]
    for where, written, image in _images(evidence):
        path = f"{image.registry}/{image.repository}"
        if not any(path == each or path.startswith(f"{each}/") for each in allowed):
            name = image.repository.rpartition("/")[2]
            mirror = f"{allowed[0]}/{name}" if allowed else f"REGISTRY/{name}"
            yield Breach(where, written, f"{_set(image, mirror)} (or allow its path)")


def _latest(evidence: Evidence, _: Mapping[str, Any]) -> Iterator[Breach]:
    for where, written, image in _images(evidence):
        if not image.digest and image.tag in ("", "latest"):
            yield Breach(where, written, _set(image, f"{image.registry}/{image.repository}:TAG"))


def _digest(evidence: Evidence, _: Mapping[str, Any]) -> Iterator[Breach]:
    for where, written, image in _images(evidence):
        if not image.digest:
            name = f"{image.registry}/{image.repository}:{image.tag or 'TAG'}"
            known = image.repository.rpartition("/")[2] in _SETTINGS
            pin = "make images ARGS=--pin, or " if known else ""
            yield Breach(where, written, f"{pin}{_set(image, f'{name}@sha256:DIGEST')}")


PATH = Rule(
    "image-path",
    "Images come from allowed paths only",
    _path,
    options={
        "allowed": {
            "type": "array",
            "items": {"type": "string"},
            "default": [f"{DOCKER}/bitnamilegacy"],
        }
    },
)
LATEST = Rule("image-latest", "No image is `latest` or without a tag", _latest)
DIGEST = Rule("image-digest", "Images are named by digest", _digest, production=True)
