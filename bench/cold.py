"""`make up` as on a new machine: a fresh clone, and nothing in any cache that the project fills."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from bench.figures import Name, Reading
from bench.programs import PLAIN, BenchError, run, uninterrupted
from lab import paths
from ops.console import err

_ELSEWHERE = ("GOMODCACHE", "VIRTUAL_ENV")
"""Would lead out of the empty folders: modules belong below GOPATH here."""


def empty_caches(folder: Path) -> dict[str, str]:
    """The plain environment with every cache below `folder`."""
    kept = {key: value for key, value in PLAIN.items() if key not in _ELSEWHERE}
    caches = {
        "MLFLOW_LAB_HOME": "lab",
        "XDG_CACHE_HOME": "cache",
        "GOCACHE": "go-build",
        "GOPATH": "go",
        "PIP_CACHE_DIR": "pip",
        "UV_CACHE_DIR": "uv",
    }
    return {**kept, **{key: str(folder / name) for key, name in caches.items()}}


def up() -> Reading:
    """Minutes of `make up` in a clone of what is committed; clone, lab and caches go again.

    Debian's packages stay as this machine has them.
    """
    folder = Path(tempfile.mkdtemp(prefix="mlflow-cold-"))
    clone, env = folder / "clone", empty_caches(folder)
    try:
        run("git clone", "git", "clone", "--quiet", "--no-hardlinks", str(paths.REPO), str(clone), env=env)
        commit = run(
            "git rev-parse", "git", "rev-parse", "--short", "HEAD", env=env, cwd=clone
        ).output.strip()
        done = run("make up, empty caches", "make", "up", env=env, cwd=clone)
        return Reading(Name.COLD, done.seconds / 60, f"of commit {commit}, Debian packages as they are")
    finally:
        with uninterrupted():
            _remove(folder, clone, env)


def _remove(folder: Path, clone: Path, env: dict[str, str]) -> None:
    """End what the clone started, then delete it; where that fails the folder is kept to look at."""
    try:
        # Without its virtual environment there was no lab yet.
        if (clone / ".venv" / ".ready").exists():
            run("make down in the clone", "make", "down", env=env, cwd=clone)
    except BenchError as error:
        err.print(f"[red]a lab may still run from {folder}:[/red] {error}", markup=False)
        return
    shutil.rmtree(folder)
