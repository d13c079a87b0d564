"""Take everything away: processes, mounts, cgroups, packet rules, bridge, the host's name, files."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import psutil

from lab import paths, tools
from lab.cluster import hosts, network, node, policies
from lab.cluster.processes import alive, end, find

CHAINS = re.compile(r"^:(KUBE-\S+)", re.M)
SHIM_SOCKETS = Path("/run/containerd/s")
"""Where containerd 1.6 keeps its shims' sockets, whatever its own folders are."""
LOG_LINKS = Path("/var/log/containers")
CNI_RESULTS = Path("/var/lib/cni/results")


def pod_processes() -> list[psutil.Process]:
    """The shims of this lab's containerd and everything below them."""
    ours = str(node.socket())
    found: list[psutil.Process] = []
    for process in psutil.process_iter(["cmdline"]):
        command = process.info["cmdline"] or []
        if ours in command and Path(command[0]).name.startswith("containerd-shim"):
            found.append(process)
            with contextlib.suppress(psutil.NoSuchProcess):
                found.extend(process.children(recursive=True))
    return found


def everything() -> None:
    """Leave nothing of the lab but its cache. Safe to repeat, and after any kill."""
    stop()
    hosts.down()
    shutil.rmtree(paths.run(), ignore_errors=True)


def stop() -> None:
    """End every process and take everything out of the kernel, as a reboot would; files stay."""
    _processes()
    _mounts()
    forget_containers()
    _cgroups()
    _packet_rules()
    policies.down()
    network.down()
    _strays()


def forget_containers() -> None:
    """Remove what containerd and runc keep of running containers: a machine that starts has none."""
    for folder in (node.state(), node.runc_state()):
        shutil.rmtree(folder, ignore_errors=True)


def _processes() -> None:
    """End everything at once: what would be saved in an orderly end is on disk already, or goes anyway."""
    # The kubelet first: it would start again what is ended after it.
    records = sorted(paths.run().glob("pids/*.json"), key=lambda file: file.stem != "kubelet")
    for process in filter(None, map(find, records)):
        # Below containerd are the pods, which come last.
        children = [] if _is_containerd(process) else process.children(recursive=True)
        end([*children, process], grace=0)
    deadline = time.monotonic() + 20
    while (left := list(filter(alive, pod_processes()))) and time.monotonic() < deadline:
        end(left, grace=0)


def _is_containerd(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.name() == "containerd"
    return False


def _strays() -> None:
    """Files that the kubelet, CNI and containerd keep outside their own folders, whatever they are told."""
    logs = str(paths.run() / "pod-logs")
    for link in LOG_LINKS.glob("*.log"):
        if link.is_symlink() and str(link.readlink()).startswith(logs):
            link.unlink()
    for result in CNI_RESULTS.glob(f"{network.BRIDGE}-*-eth0"):
        container = result.name.removeprefix(f"{network.BRIDGE}-").removesuffix("-eth0")
        (CNI_RESULTS / f"cni-loopback-{container}-lo").unlink(missing_ok=True)
        result.unlink()
    if SHIM_SOCKETS.is_dir() and not _other_containerd():
        shutil.rmtree(SHIM_SOCKETS)
    for folder in (LOG_LINKS, CNI_RESULTS, CNI_RESULTS.parent, SHIM_SOCKETS.parent):
        with contextlib.suppress(OSError):
            folder.rmdir()


def _other_containerd() -> bool:
    return any(
        Path((process.info["cmdline"] or [""])[0]).name.startswith("containerd")
        for process in psutil.process_iter(["cmdline"])
    )


def _mounts() -> None:
    here = str(paths.run())
    below = [
        point
        for line in Path("/proc/self/mounts").read_text().splitlines()
        if (point := line.split()[1].replace("\\040", " ")).startswith(here + os.sep)
    ]
    for point in sorted(below, key=len, reverse=True):
        subprocess.run(["umount", "--lazy", point], check=False, capture_output=True)


def _cgroups() -> None:
    for top in [*Path("/sys/fs/cgroup").glob("kubepods"), *Path("/sys/fs/cgroup").glob("*/kubepods")]:
        folders = [Path(folder) for folder, _, _ in os.walk(top)]
        for folder in sorted(folders, key=lambda path: len(path.parts), reverse=True):
            with contextlib.suppress(OSError):
                folder.rmdir()


def _packet_rules() -> None:
    """Remove kube-proxy's and the kubelet's chains, for IPv4 and IPv6."""
    proxy = tools.bin_folder() / "kube-proxy"
    if not (paths.run() / "pki").exists() or not proxy.exists():
        return
    environment = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
    subprocess.run([proxy, "--cleanup"], check=False, capture_output=True, env=environment)
    for program in ("iptables", "ip6tables"):
        for table in ("filter", "nat", "mangle"):
            _remove_chains(program, table, environment)


def _remove_chains(program: str, table: str, env: dict[str, str]) -> None:
    def call(*args: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(args, check=False, capture_output=True, text=True, env=env)

    saved = call(f"{program}-save", "-t", table).stdout
    chains = CHAINS.findall(saved)
    for rule in re.findall(r"^-A (?!KUBE-)(.*KUBE-.*)$", saved, re.M):
        call(program, "-t", table, "-D", *rule.replace('"', "").split())
    for action in ("-F", "-X"):
        for chain in chains:
            call(program, "-t", table, action, chain)
