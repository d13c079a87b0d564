"""The images of the lab, with the chart's own names and tags, built without a container engine."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab import cache, paths
from lab.images import archive, base, packages
from lab.images.archive import Settings
from lab.shell import run

HERE = paths.LAB / "images"
ENV = {
    "PATH": "/usr/local/bin:/usr/lib/postgresql/17/bin:/usr/bin:/bin",
    "HOME": "/tmp",  # noqa: S108 - in the container, where nothing else can be written to
}


@dataclass(frozen=True)
class Image:
    """One image: files of ours over the shared base, and what `extend` adds to them."""

    reference: str
    name: str
    settings: Settings
    extend: Callable[[Path, Path], None] | None = None
    inputs: Sequence[Path] = ()

    def build(self) -> Path:
        """The image's docker archive, built now if need be."""
        files = HERE / "rootfs" / self.name
        inputs = {
            "reference": self.reference,
            "base": base.build().name,
            "recipe": cache.digest_tree(files, HERE / "archive.py", HERE / "__init__.py", *self.inputs),
        }
        return cache.cached(f"image-{self.name}", inputs, self._build) / "image.tar"

    def _build(self, out: Path, log: Path) -> None:
        tree = out / "tree"
        shutil.copytree(HERE / "rootfs" / self.name, tree)
        for script in (tree / "usr/local/bin").iterdir():
            script.chmod(0o755)
        if self.extend:
            self.extend(tree, log)
        own = archive.own_layer(tree, out / "layer.tar", log)
        archive.write(out, self.reference, [base.build() / "layer.tar", own], self.settings)
        shutil.rmtree(tree)
        own.unlink()


def _compile_pause(out: Path, log: Path) -> None:
    tree = out / "tree"
    tree.mkdir()
    run(["gcc", "-static", "-Os", "-s", "-o", tree / "pause", HERE / "pause.c"], log=log)
    packed = archive.own_layer(tree, out / "layer.tar", log)
    archive.write(out, PAUSE, [packed], Settings(entrypoint=["/pause"], user="65535"))


PAUSE = "docker.io/mlflow-lab/pause:1"
"""Holds a pod's network namespace, as in every cluster."""

IMAGES = (
    Image(
        "docker.io/bitnamilegacy/mlflow:3.3.2-debian-12-r0",
        "mlflow",
        Settings(
            entrypoint=["mlflow"],
            env={
                **ENV,
                "MLFLOW_AUTH_CONFIG_PATH": "/bitnami/mlflow-basic-auth/basic_auth.ini",
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            workdir="/app",
        ),
        packages.install,
        (packages.LOCK, HERE / "packages.py"),
    ),
    Image(
        "docker.io/bitnamilegacy/postgresql:17.6.0-debian-12-r4",
        "postgresql",
        # The fast shutdown: on SIGTERM PostgreSQL waits for its clients to leave, and MLflow never does.
        Settings(
            entrypoint=["postgresql-entrypoint"],
            env=ENV,
            stop_signal="SIGINT",
        ),
    ),
    Image(
        "docker.io/bitnamilegacy/os-shell:12-debian-12-r51",
        "os-shell",
        Settings(entrypoint=["/bin/bash"], env=ENV),
    ),
)


def pause() -> Path:
    """The pause image's archive."""
    recipe = cache.digest_tree(HERE / "pause.c", HERE / "archive.py")
    return cache.cached("image-pause", {"recipe": recipe, "reference": PAUSE}, _compile_pause) / "image.tar"
