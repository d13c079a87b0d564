"""Builds kept by content: made once, never trusted half-written, safe when two run at once."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from filelock import FileLock

from lab import paths

Build = Callable[[Path, Path], None]
"""Takes an empty folder to fill and the path of its log."""


def digest_tree(*roots: Path) -> str:
    """SHA-256 of the names, modes and bytes of all files below `roots` (files or folders)."""
    digest = hashlib.sha256()
    for root in roots:
        files = [root] if root.is_file() else sorted(p for p in root.rglob("*") if p.is_file())
        for file in files:
            if "__pycache__" in file.parts:
                continue
            name = file.relative_to(root.parent).as_posix()
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
    if final.is_dir():
        return final
    final.parent.mkdir(parents=True, exist_ok=True)
    log = paths.logs() / "build" / f"{final.name}.log"
    with FileLock(f"{final}.lock"):
        if final.is_dir():
            return final
        for stale in final.parent.glob(f".{final.name}.*"):
            shutil.rmtree(stale)
        scratch = Path(tempfile.mkdtemp(prefix=f".{final.name}.", dir=final.parent))
        scratch.chmod(0o755)
        log.unlink(missing_ok=True)
        build(scratch, log)
        scratch.rename(final)
    return final
