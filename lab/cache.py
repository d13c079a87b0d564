"""Builds kept by content: made once, never trusted half-written, safe when two run at once."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from lab import paths, shell

UNUSED = timedelta(days=30)
Build = Callable[[Path, Path], None]
"""Takes an empty folder to fill and the path of its log."""


def digest_tree(*roots: Path) -> str:
    """SHA-256 of the names, modes and bytes of all files below `roots`, which are files or folders.

    Raises `FileNotFoundError` for a root that is not there: a mistyped one would never change.
    """
    digest = hashlib.sha256()
    for root in roots:
        if not root.exists():
            raise FileNotFoundError(f"an input of a build is not there: {root}")
        files = [root] if root.is_file() else sorted(p for p in root.rglob("*") if p.is_file())
        for file in files:
            name = file.relative_to(root.parent).as_posix()
            if "__pycache__" in Path(name).parts:
                continue
            digest.update(f"{name}\0{file.stat().st_mode & 0o111:o}\0".encode())
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def location(name: str, inputs: Mapping[str, object]) -> Path:
    """The folder of the build `name` for these inputs (JSON-able), whether it exists or not."""
    key = hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()[:16]
    return paths.cache() / f"{name}-{key}"


def cached(name: str, inputs: Mapping[str, object], build: Build) -> Path:
    """The folder made by `build` for these inputs, built now if it is not there yet.

    `build` fills a scratch folder beside the final one, which takes its name by one rename when
    `build` has returned: a folder under its final name is complete. A build that was killed leaves
    only a scratch folder, removed by the next. A second process waits for the first.
    """
    final = location(name, inputs)
    if not final.is_dir():
        final.parent.mkdir(parents=True, exist_ok=True)
        try:
            with _lock(final).acquire(cancel_check=shell.cancelled):
                if not final.is_dir():
                    _make(final, build)
        except Timeout:
            raise shell.CancelledError(f"no longer waits for another build of {name}") from None
    os.utime(final)  # `clean` keeps what was used last
    return final


def _make(final: Path, build: Build) -> None:
    _remove_scratch(final)
    log = _log(final)
    log.unlink(missing_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{final.name}.", dir=final.parent))
    scratch.chmod(0o755)
    try:
        build(scratch, log)
        # Without it a power cut could keep the rename and lose what was written before.
        os.sync()
        scratch.rename(final)
    except BaseException:
        _remove(scratch)
        raise


def clean(*, everything: bool = False) -> list[Path]:
    """Remove builds that others have replaced, or `everything`; gives what was removed.

    Of each name the build used last stays, but not one that nothing has used for `UNUSED` while others were:
    its name has gone. What killed builds left goes in any case, and what is being built right now stays.
    """
    folder = paths.cache()
    builds = sorted((path for path in folder.glob("[!.]*-*") if path.is_dir()), key=_last_use)
    newest = {path.name.rpartition("-")[0]: path for path in builds}.values()
    in_use = max(map(_last_use, builds), default=0) - UNUSED.total_seconds()
    stay = set() if everything else {build for build in newest if _last_use(build) >= in_use}
    gone = []
    for final in sorted({*builds, *(lock.with_suffix("") for lock in folder.glob("*.lock"))}):
        lock = _lock(final)
        try:
            with lock.acquire(timeout=0):
                _remove_scratch(final)
                if final in stay:
                    continue
                if final.is_dir():
                    # Renamed first: what is under its final name is whole, at every moment.
                    _remove(final.rename(folder / f".{final.name}.removed"))
                    gone.append(final)
                _log(final).unlink(missing_ok=True)
                Path(lock.lock_file).unlink()
        except Timeout:
            continue
    return gone


def _last_use(final: Path) -> float:
    return final.stat().st_mtime


def _log(final: Path) -> Path:
    return paths.logs() / "build" / f"{final.name}.log"


def _lock(final: Path) -> FileLock:
    return FileLock(f"{final}.lock")


def _remove_scratch(final: Path) -> None:
    for scratch in final.parent.glob(f".{final.name}.*"):
        _remove(scratch)


def _remove(folder: Path) -> None:
    """Remove a folder, as far as it can be: an orphan of a killed build may still write to it.

    A killed debootstrap leaves /proc and /sys mounted in its tree; nothing of those is to be removed.
    """
    mounts = [mount.mountpoint for mount in psutil.disk_partitions(all=True)]
    for point in sorted(
        (point for point in mounts if Path(point).is_relative_to(folder.resolve())), reverse=True
    ):
        subprocess.run(["umount", "--lazy", point], check=True, capture_output=True)
    shutil.rmtree(folder, ignore_errors=True)
