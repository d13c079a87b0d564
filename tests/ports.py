"""Ports of loopback that a test takes from others."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.cluster.processes import find
from ops.ports import HOST


@contextmanager
def listening(port: int = 0) -> Iterator[int]:
    """Somebody who has a port of loopback: this very process."""
    with socket.create_server((HOST, port)) as server:
        yield int(server.getsockname()[1])


@contextmanager
def stolen(record: Path, port: int) -> Iterator[None]:
    """Be faster than a forward whose `kubectl` has just ended."""
    keeper = find(record)
    assert keeper is not None
    keeper.suspend()
    for child in keeper.children():
        child.kill()
    deadline = time.monotonic() + 10
    while True:
        try:
            with listening(port):
                keeper.resume()
                yield
                return
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.01)
