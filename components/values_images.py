"""Helm values of every image that the chart and its sub-charts can use; none leads to a dead path."""

from __future__ import annotations

from typing import Any

from components.settings import Settings
from components.settings.cluster import LEGACY
from components.settings.images import Image, image, pull_secrets

_CHECKED = ("image_mlflow", "image_postgresql", "image_os_shell", "image_git", "image_postgres_exporter")
_MINIO = ("minio", "minio-client", "minio-object-browser", "os-shell")


def _values(parts: Image) -> dict[str, Any]:
    """An image as the chart takes it; tag and digest only where given, else the chart's own."""
    given = {
        "registry": parts.registry,
        "repository": parts.repository,
        "tag": parts.tag,
        "digest": parts.digest,
    }
    return {key: value for key, value in given.items() if value}


def images(settings: Settings) -> dict[str, Any]:
    """All images, the pull secrets, and the chart's image check where it would refuse them."""
    mlflow, postgresql, shell, git, exporter = (image(settings, name) for name in _CHECKED)
    server, client, console, permissions = (
        {"registry": settings.image_registry, "repository": f"{LEGACY}/{name}"} for name in _MINIO
    )
    known = all(
        parts.registry == "docker.io" and parts.repository.startswith(f"{LEGACY}/")
        for parts in (mlflow, postgresql, shell, git, exporter)
    )
    result: dict[str, Any] = {
        "image": _values(mlflow),
        "gitImage": _values(git),
        "waitContainer": {"image": _values(shell)},
        "volumePermissions": {"image": _values(shell)},
        "postgresql": {
            "image": _values(postgresql),
            "volumePermissions": {"image": _values(shell)},
            "metrics": {"image": _values(exporter)},
        },
        "minio": {
            "image": server,
            "clientImage": client,
            "console": {"image": console},
            "defaultInitContainers": {"volumePermissions": {"image": permissions}},
        },
    }
    shared: dict[str, Any] = {}
    if not known:
        shared["security"] = {"allowInsecureImages": True}
    if pulled_by := pull_secrets(settings):
        shared["imagePullSecrets"] = pulled_by
    return {**result, "global": shared} if shared else result
