"""Processes of the lab's tests: whether they have ended, and who they are. psutil waits long for orphans."""

from __future__ import annotations

import time
from pathlib import Path

import psutil


def ended(pid: int, seconds: float = 20.0) -> bool:
    """Whether the process has ended, or does within `seconds`, whether its exit code was asked for or not."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.01)
    return False


def number_in(file: Path, seconds: float = 20.0) -> int:
    """The number that another process is about to write into `file`, as a line."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if file.exists() and (text := file.read_text()).endswith("\n"):
            return int(text)
        time.sleep(0.01)
    raise TimeoutError(f"nothing in {file}")
