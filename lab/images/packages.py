"""The Python packages of the MLflow image: from the lock, trimmed and compiled."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from lab import paths
from lab.images import base
from lab.shell import run

LOCK = paths.LAB / "images" / "mlflow.lock"
PLACE = f"usr/local/lib/python{base.PYTHON}/dist-packages"
UNUSED = ("*.map", "*.a", "*.h", "*.hpp", "*.pxd", "*.pyx")
"""Source maps of the web pages and what only a compiler reads."""

TESTED = {"numpy", "pandas", "pyarrow", "scipy", "sklearn"}
"""Packages that bring their own tests: large, and imported by nothing a server does."""


def install(tree: Path, log: Path) -> None:
    """Put the locked packages into the image's `tree`, where the base's Python looks for them."""
    target = tree / PLACE
    run(
        [
            *(sys.executable, "-m", "uv", "pip", "install", "--quiet", "--require-hashes", "-r", LOCK),
            *(f"--python-version={base.PYTHON}", "--python-platform=x86_64-manylinux_2_28"),
            *("--only-binary=:all:", "--link-mode=copy", "--target", target),
        ],
        log=log,
    )
    shutil.rmtree(target / "bin")
    (target / ".lock").unlink(missing_ok=True)
    _trim(target)
    _compile(tree, target, log)


def _trim(target: Path) -> None:
    for pattern in UNUSED:
        for file in target.rglob(pattern):
            file.unlink()
    for tests in sorted(target.rglob("tests")):
        if tests.is_dir() and tests.relative_to(target).parts[0] in TESTED:
            shutil.rmtree(tests)


def _compile(tree: Path, target: Path, log: Path) -> None:
    """Compile by the base's own Python: MLflow's start is mostly imports.

    The packages stand in a copy of the base for that, both of hard links: compiling adds files and
    changes none. Moved back they must be where they were; one folder deeper, nothing imports them.
    """
    root = tree / ".root"
    shutil.copytree(base.build() / "tree", root, symlinks=True, copy_function=os.link)
    (root / PLACE).rmdir()
    shutil.move(target, root / PLACE)
    base.compile_all(root, f"/{PLACE}", log)
    run(["chroot", root, "python3", "-c", "import mlflow.server.auth, psycopg2, boto3"], log=log)
    shutil.move(root / PLACE, target)
    shutil.rmtree(root)
