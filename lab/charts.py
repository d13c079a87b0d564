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


def push(archive: Path, registry: str, helm: Path, log: Path) -> str:
    """Put the archive into an OCI registry (`host:port`, plain HTTP); the reference to install it by."""
    repository = f"oci://{registry}/bitnamicharts"
    run([helm, "push", archive, repository, "--plain-http"], log=log)
    return f"{repository}/mlflow"
