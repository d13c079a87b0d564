"""The doctor finds each thing the lab needs of the machine, and names the fix of each that is not there."""

from __future__ import annotations

import os
import platform
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from lab import api, doctor, paths, prerequisites, steps
from lab.steps import StepError

GIB = 2**30


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A machine with all the lab needs and no more; the folder is its root."""
    monkeypatch.setenv("MLFLOW_LAB_HOME", str(tmp_path / "not" / "there" / "yet"))
    for file, text in {
        "proc/filesystems": "nodev\toverlay\n",
        "proc/sys/net/bridge/bridge-nf-call-iptables": "1",
        "proc/net/netfilter/nfnetlink_queue": "",
        "sys/fs/cgroup/cgroup.procs": "",
    }.items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(text)
    monkeypatch.setattr(doctor, "Path", lambda path: tmp_path / path.lstrip("/"))
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(total=doctor.MEMORY_GIB * GIB))
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=doctor.DISK_GIB * GIB))
    monkeypatch.setattr(prerequisites, "missing", list)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setattr(doctor, "PORTS", {free.getsockname()[1]: "etcd"})
        monkeypatch.setattr(doctor, "BRIDGE_PORTS", {free.getsockname()[1]: "Traefik"})
        yield tmp_path


def _bad() -> list[str]:
    return [f"{finding.what}: {finding.fix}" for finding in doctor.examine() if not finding.good]


def test_nothing_is_wrong_with_a_machine_that_has_all(machine: Path) -> None:
    assert _bad() == []
    assert len(doctor.examine()) == 11


def test_every_finding_says_what_was_looked_at_and_has_a_fix(machine: Path) -> None:
    findings = doctor.examine()
    assert all(finding.fix for finding in findings)
    assert len({finding.what for finding in findings}) == len(findings)


def test_another_processor(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    assert _bad() == ["machine aarch64: x86_64 is needed"]


def test_another_user(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert _bad() == ["runs as root: the lab makes mounts and a bridge: use a root shell"]


def test_little_memory(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(total=2 * GIB))
    assert _bad() == [f"memory 2 GiB: {doctor.MEMORY_GIB} GiB are needed"]
    # A machine that was bought with 4 GiB.
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(total=3.8 * GIB))
    assert _bad() == []


def test_little_disk_where_the_lab_s_folder_will_be(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=GIB))
    assert _bad() == [f"free disk 1 GiB at {machine}: {doctor.DISK_GIB} GiB are needed: set MLFLOW_LAB_HOME"]


def test_no_overlay_file_system(machine: Path) -> None:
    (machine / "proc/filesystems").write_text("ext4\n")
    assert _bad() == ["overlay file system: modprobe overlay"]


def test_no_filter_for_bridges(machine: Path) -> None:
    (machine / "proc/sys/net/bridge/bridge-nf-call-iptables").unlink()
    assert _bad() == ["bridge packets pass iptables: modprobe br_netfilter"]


def test_no_queue_for_packets(machine: Path) -> None:
    (machine / "proc/net/netfilter/nfnetlink_queue").unlink()
    assert _bad() == ["packets can wait in a queue: modprobe nfnetlink_queue"]


def test_no_control_groups(machine: Path) -> None:
    (machine / "sys/fs/cgroup/cgroup.procs").unlink()
    assert _bad() == ["control groups: mount cgroup2 at /sys/fs/cgroup"]


def test_missing_packages(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prerequisites, "missing", lambda: ["etcd-server", "runc"])
    assert _bad() == ["Debian packages: `make up` installs them: etcd-server, runc"]


def test_a_port_that_is_taken(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By another program: by the lab's own it is as it should be."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setattr(doctor, "PORTS", {port: "etcd"})
        assert _bad() == [f"port {port} is free for etcd: end the program that listens there"]
        monkeypatch.setattr(api, "status", lambda: [("etcd", None, 0), ("kubelet", 7, 0)])
        assert _bad() == [f"port {port} is free for etcd: end the program that listens there"]
        monkeypatch.setattr(api, "status", lambda: [("etcd", os.getpid(), 0)])
        assert _bad() == []
        assert not any(finding.what.startswith("port") for finding in doctor.examine())


@pytest.mark.parametrize(("address", "in_the_way"), [("0.0.0.0", True), ("127.0.0.1", False)])
def test_a_port_on_the_bridge(
    machine: Path, monkeypatch: pytest.MonkeyPatch, address: str, in_the_way: bool
) -> None:
    """Traefik has the bridge's address: another program is in its way where it listens on all."""
    with socket.socket() as taken:
        taken.bind((address, 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setattr(doctor, "BRIDGE_PORTS", {port: "Traefik"})
        told = [f"port {port} is free for Traefik: end the program that listens there"]
        assert _bad() == (told if in_the_way else [])


def test_up_ends_at_once_where_the_machine_does_not_suit(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it installs and loads itself is no reason, nor is the disk of a lab that is built."""
    monkeypatch.setattr(steps, "run", lambda _: pytest.fail("a step was taken"))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=GIB))
    monkeypatch.setattr(prerequisites, "missing", lambda: ["etcd-server"])
    (machine / "proc/net/netfilter/nfnetlink_queue").unlink()
    with pytest.raises(StepError) as refused:
        api.up()
    assert str(refused.value).splitlines() == [
        "this machine does not suit the lab:",
        "- runs as root: the lab makes mounts and a bridge: use a root shell",
        f"- free disk 1 GiB at {paths.root()}: {doctor.DISK_GIB} GiB are needed: set MLFLOW_LAB_HOME",
    ]
    (paths.cache() / "kubernetes-0123").mkdir(parents=True)
    with pytest.raises(StepError, match=r"- runs as root: .*shell$"):
        api.up()
