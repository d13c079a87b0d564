"""The stand-in for the chart: packaged once by content, and served over OCI on loopback."""

from __future__ import annotations

from pathlib import Path

from lab import cache, paths
from lab.shell import run

SOURCE = paths.LAB / "chart" / "mlflow"


def package(helm: Path) -> Path:
    """The chart's archive, made now if its sources changed."""
    inputs = {"sources": cache.digest_tree(SOURCE)}
    folder = cache.cached(
        "chart", inputs, lambda out, log: run([helm, "package", SOURCE, "-d", out], log=log)
    )
    (archive,) = folder.glob("mlflow-*.tgz")
    return archive


def push(archive: Path, registry: str, helm: Path, log: Path) -> None:
    """Put the archive into an OCI registry (`host:port`, plain HTTP), where `served` names it."""
    run([helm, "push", archive, _repository(registry), "--plain-http"], log=log)


def served(registry: str) -> str:
    """The reference to install the chart by."""
    return f"{_repository(registry)}/mlflow"


def _repository(registry: str) -> str:
    return f"oci://{registry}/bitnamicharts"
