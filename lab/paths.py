"""Where the lab keeps its files: a cache that outlives it and a run folder that does not."""

from __future__ import annotations

import os
from pathlib import Path

LAB = Path(__file__).resolve().parent
REPO = LAB.parent


def root() -> Path:
    """The one folder the lab writes to: `MLFLOW_LAB_HOME`, else `$XDG_CACHE_HOME/mlflow-lab`."""
    chosen = os.environ.get("MLFLOW_LAB_HOME")
    if chosen:
        return Path(chosen).absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute() / "mlflow-lab"


def cache() -> Path:
    """Finished builds, one folder each, named by content; safe to delete, costly to lose."""
    return root() / "cache"


def run() -> Path:
    """Everything that belongs to the running lab; `lab down` removes it whole."""
    return root() / "run"


def write(file: Path, text: str) -> Path:
    """Write a program's configuration unless it already says so: some programs end when theirs is touched."""
    if not file.exists() or file.read_text() != text:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return file


def logs() -> Path:
    """Logs of builds and of the lab's programs."""
    return root() / "logs"
