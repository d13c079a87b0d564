"""The name of the lab's ingress on this machine: one marked line of /etc/hosts, which goes with the lab.

A name below `.localhost` needs no line for a browser, but Python's clients ask the system, which has none.
"""

from __future__ import annotations

import os
from pathlib import Path

from lab.cluster import network

HOST = "mlflow.lab.test"
"""Below `.test`, which nobody can own (RFC 6761)."""

FILE = Path("/etc/hosts")
LINE = f"{network.GATEWAY} {HOST} # MLflow lab; `python -m lab down` takes this line away\n"


def known() -> bool:
    """Whether the line is there."""
    return LINE in FILE.read_text().splitlines(keepends=True)


def up() -> None:
    """Add the line, once."""
    if known():
        return
    text = FILE.read_text()
    # Appended by one write: whatever happens meanwhile, what stands there stays.
    with FILE.open("a") as hosts:
        hosts.write(LINE if text.endswith("\n") or not text else f"\n{LINE}")


def down() -> None:
    """Take the line away."""
    if not known():
        return
    text = "".join(line for line in FILE.read_text().splitlines(keepends=True) if line != LINE)
    # In place: in a container the file is a mount, so no other can take its name.
    with FILE.open("r+") as hosts:
        hosts.write(text)
        hosts.flush()
        os.ftruncate(hosts.fileno(), len(text.encode()))
