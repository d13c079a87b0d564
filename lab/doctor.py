"""What the lab needs of the machine, and how to get what is missing."""

from __future__ import annotations

import os
import platform
import shutil
from dataclasses import dataclass
from pathlib import Path

import psutil

from lab import api, paths, prerequisites

MEMORY_GIB = 4
DISK_GIB = 15
PORTS = {
    2379: "etcd",
    2380: "etcd",
    5000: "the registry",
    6443: "the API server",
    8181: "CoreDNS",
    8182: "the volume provisioner",
    8183: "Traefik",
    8184: "the certificates",
    8185: "the network policies",
    10248: "the kubelet",
    10249: "kube-proxy",
    10256: "kube-proxy",
    10257: "the controller manager",
    10259: "the scheduler",
}
BRIDGE_PORTS = {53: "CoreDNS", 80: "Traefik", 443: "Traefik", 9000: "the S3 server", 10250: "the kubelet"}
"""On the bridge alone: only a program that listens on all addresses is in their way."""

MACHINE = "x86_64"
"""What the images and Debian's PostgreSQL are taken for."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at, and what to do where it is not good."""

    what: str
    good: bool
    fix: str


def examine() -> list[Finding]:
    """Look at machine, user, size, kernel, packages and ports."""
    filesystems = Path("/proc/filesystems").read_text()
    bridges = Path("/proc/sys/net/bridge/bridge-nf-call-iptables")
    queues = Path("/proc/net/netfilter/nfnetlink_queue")
    packages = prerequisites.missing()
    return [
        *_machine(),
        _disk(),
        Finding("overlay file system", "overlay" in filesystems, "modprobe overlay"),
        Finding("bridge packets pass iptables", bridges.exists(), "modprobe br_netfilter"),
        Finding("packets can wait in a queue", queues.exists(), "modprobe nfnetlink_queue"),
        Finding("control groups", any(Path("/sys/fs/cgroup").iterdir()), "mount cgroup2 at /sys/fs/cgroup"),
        Finding("Debian packages", not packages, f"`make up` installs them: {', '.join(packages)}"),
        *_ports(),
    ]


def unfit() -> list[Finding]:
    """What `up` does not mend, and would come upon after minutes; builds that are there need no more disk."""
    built = any(build.is_dir() for build in paths.cache().glob("kubernetes-*"))
    disk = [] if built else [_disk()]
    return [finding for finding in (*_machine(), *disk, *_ports()) if not finding.good]


def _machine() -> list[Finding]:
    # As it is shown: the kernel keeps some of it to itself.
    memory = round(psutil.virtual_memory().total / 2**30)
    return [
        Finding(f"machine {platform.machine()}", platform.machine() == MACHINE, f"{MACHINE} is needed"),
        Finding("runs as root", os.geteuid() == 0, "the lab makes mounts and a bridge: use a root shell"),
        Finding(f"memory {memory} GiB", memory >= MEMORY_GIB, f"{MEMORY_GIB} GiB are needed"),
    ]


def _disk() -> Finding:
    there = next(folder for folder in (paths.root(), *paths.root().parents) if folder.exists())
    disk = shutil.disk_usage(there).free / 2**30
    return Finding(
        f"free disk {disk:.0f} GiB at {there}",
        disk >= DISK_GIB,
        f"{DISK_GIB} GiB are needed: set MLFLOW_LAB_HOME",
    )


def _ports() -> list[Finding]:
    """Who has the lab's ports; of a lab that runs, only those that another program has."""
    ours = {pid for _, pid, _ in api.status() if pid}
    taken = {
        (listener.laddr.ip, listener.laddr.port)
        for listener in psutil.net_connections("tcp")
        if listener.laddr and listener.status == psutil.CONN_LISTEN and listener.pid not in ours
    }
    everywhere = {port for address, port in taken if address in ("0.0.0.0", "::")}  # noqa: S104
    loopback = everywhere | {port for address, port in taken if address == "127.0.0.1"}
    findings = [
        *(_port(port, owner, free=port not in loopback) for port, owner in PORTS.items()),
        *(_port(port, owner, free=port not in everywhere) for port, owner in BRIDGE_PORTS.items()),
    ]
    return [finding for finding in findings if not (ours and finding.good)]


def _port(port: int, owner: str, *, free: bool) -> Finding:
    return Finding(f"port {port} is free for {owner}", free, "end the program that listens there")
