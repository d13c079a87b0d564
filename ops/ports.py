"""Who has a TCP port of this machine."""

from __future__ import annotations

import socket
from dataclasses import dataclass

import psutil

from ops.console import OpsError

HOST = "127.0.0.1"
_EVERYWHERE = (HOST, "0.0.0.0", "::", "::1")  # noqa: S104 - compared with, never bound

_READINGS = 3


@dataclass(frozen=True)
class Holder:
    """A program that listens; its arguments are left out, they may hold secrets."""

    port: int
    pid: int | None
    """`None` where this person may not see whose it is."""
    name: str

    def __str__(self) -> str:
        """For a person."""
        who = f"{self.name} (pid {self.pid})" if self.pid else "a program of another user"
        return f"port {self.port} is held by {who}"


def holder(port: int) -> Holder | None:
    """Who listens on a port of loopback; `None` where nobody does, or this system does not tell."""
    with socket.socket() as probe:
        if probe.connect_ex((HOST, port)):
            return None
    try:
        # A socket that was opened between the two readings that this takes has no owner yet.
        for _ in range(_READINGS):
            listening = _listeners(port)
            if any(listening):
                break
        pid = next(filter(None, listening), None)
        # A program that ended meanwhile, as `kubectl port-forward` does with its pod, holds nothing.
        return Holder(port, pid, psutil.Process(pid).name() if pid else "") if listening else None
    except psutil.Error:
        return None


def _listeners(port: int) -> list[int | None]:
    """The pids of all that listen on a port; `None` for one whose sockets this person may not see."""
    return [
        found.pid
        for found in psutil.net_connections("tcp")
        if found.status == psutil.CONN_LISTEN and found.laddr
        if found.laddr.port == port and found.laddr.ip in _EVERYWHERE
    ]


def free_port(preferred: int = 0) -> int:
    """`preferred` when nobody listens there, else any free TCP port of loopback."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OpsError("no free TCP port on loopback")
