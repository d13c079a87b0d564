"""What stands on this machine besides the lab's cache: all that `lab down` must leave as it found it."""

from __future__ import annotations

import contextlib
import os
import subprocess
from dataclasses import dataclass, fields
from pathlib import Path

import psutil

from lab import paths

CHANGING = (
    *("/proc", "/sys", "/dev", "/tmp", "/var/tmp", "/var/cache", "/var/lib/apt"),
    str(Path.home() / "go"),
)
"""Folders whose files come and go whatever the lab does."""

_SETTINGS = (
    Path("/proc/sys/net/ipv4/ip_forward"),
    Path("/proc/sys/net/bridge/bridge-nf-call-iptables"),
)


@dataclass(frozen=True)
class Footprint:
    """Sets of names, so that a difference can be told."""

    processes: frozenset[str]
    mounts: frozenset[str]
    links: frozenset[str]
    addresses: frozenset[str]
    packet_rules: frozenset[str]
    cgroups: frozenset[str]
    files: frozenset[str]
    settings: frozenset[str]

    def added_since(self, before: Footprint) -> dict[str, set[str]]:
        """What is there now and was not before, by kind; empty when nothing is."""
        added = {f.name: set(getattr(self, f.name) - getattr(before, f.name)) for f in fields(self)}
        return {kind: names for kind, names in added.items() if names}


def taken() -> Footprint:
    """Look at all of it; takes some seconds."""
    return Footprint(
        processes=frozenset(_processes()),
        mounts=frozenset(line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()),
        links=frozenset(link.name for link in Path("/sys/class/net").iterdir()),
        addresses=frozenset(_lines("ip", "-brief", "address")),
        packet_rules=frozenset(
            f"{program} {line}"
            for program in ("iptables-save", "ip6tables-save")
            for line in _lines(program)
            if line.startswith(("-A", "-N")) or (line.startswith(":") and " - " in line)
        ),
        cgroups=frozenset(folder for folder, _, _ in os.walk("/sys/fs/cgroup") if "kubepods" in folder),
        files=frozenset(_files()),
        settings=frozenset(
            [
                *(f"{file.name}={file.read_text().strip()}" for file in _SETTINGS),
                *(f"hosts: {line}" for line in Path("/etc/hosts").read_text().splitlines()),
            ]
        ),
    )


def _processes() -> set[str]:
    """Processes of the lab: what it started runs in its folder, names it, was built there, or is a pod's."""
    home = str(paths.root())
    found = set()
    for process in psutil.process_iter(["name", "cmdline", "exe", "cwd"]):
        told = [*(process.info["cmdline"] or []), process.info["exe"] or "", process.info["cwd"] or ""]
        if process.pid != os.getpid() and (any(home in text for text in told) or in_pod(process.pid)):
            found.add(f"{process.pid} {process.info['name']}")
    return found


def in_pod(pid: int) -> bool:
    """Whether a process runs in a pod."""
    with contextlib.suppress(OSError):
        return "kubepods" in Path(f"/proc/{pid}/cgroup").read_text()
    return False


def _lines(*command: str) -> list[str]:
    env = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=env)
    return [line.split(" [")[0] for line in done.stdout.splitlines()]


def _files() -> set[str]:
    """Every file and folder that is not below the checkout, the lab's own folder, or one that changes."""
    skipped = (*CHANGING, str(paths.root()), str(paths.REPO), str(Path.home() / ".cache"))
    found: set[str] = set()
    for folder, folders, files in os.walk("/"):
        folders[:] = [name for name in folders if not f"{folder.rstrip('/')}/{name}".startswith(skipped)]
        found.update(f"{folder}/{name}" for name in (*folders, *files))
    return found
