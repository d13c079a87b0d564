"""NetworkPolicies are enforced: the first packet of a pod's connection waits for the verdict of a program.

What this machine itself asks of pods (the kubelet's probes, `kubectl port-forward`, Traefik) passes, as on
every node. While the program is down, everything passes.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from lab import paths, tools
from lab.cluster import network, node, pki
from lab.cluster.control_plane import LEAN, serves
from lab.cluster.processes import Program

PORT = 8185
QUEUE = 5117
"""The number of the kernel's queue."""
CHAIN = "MLFLOW-LAB-POLICIES"
_HOOKS = ("FORWARD", "INPUT")
"""To other pods and beyond, and to this machine."""

_ACCEPTED = (
    ("FORWARD", "--in-interface", network.BRIDGE, "--out-interface", network.BRIDGE, "--jump", "ACCEPT"),
    ("INPUT", "--in-interface", network.BRIDGE, "--destination", network.GATEWAY, "--jump", "ACCEPT"),
)
"""From pod to pod, and to names, store and ingress: dockerd and ufw have this machine drop both.

In the filter table, which comes after the verdict. No more than these: kube-proxy refuses what has no pod
behind it, and keeps pods from this machine's loopback.
"""

MODULES = ("br_netfilter", "nfnetlink_queue", "xt_NFQUEUE")
"""Of the kernel, where they are not built in."""

_BRIDGED = Path("/proc/sys/net/bridge/bridge-nf-call-iptables")
_SAVED = "bridge_nf_call_iptables"


def program() -> Program:
    """kube-network-policies' engine (lab/go/addons/policies)."""
    address = f"127.0.0.1:{PORT}"
    return Program(
        "policies",
        [
            tools.bin_folder() / "policies",
            f"--kubeconfig={pki.kubeconfig()}",
            f"--node={node.NAME}",
            f"--queue={QUEUE}",
            f"--health={address}",
        ],
        ready=lambda: serves(f"http://{address}/"),
        env=LEAN,
    )


def up() -> None:
    """Send the first packet of a pod's connection to the queue, also from pod to pod on the bridge."""
    _run("modprobe", "--all", "--quiet", *MODULES)
    if not _BRIDGED.exists():
        raise RuntimeError(f"the kernel passes no packets of bridges to iptables: modprobe {MODULES[0]}")
    saved = paths.run() / _SAVED
    if not saved.exists():
        saved.write_text(_BRIDGED.read_text())
    _BRIDGED.write_text("1")
    _iptables("--new-chain", CHAIN)
    queued = ("--jump", "NFQUEUE", "--queue-num", str(QUEUE), "--queue-bypass")
    rules: list[tuple[str, ...]] = [(CHAIN, "--match", "conntrack", "--ctstate", "NEW", *queued)]
    rules += [(hook, "--in-interface", network.BRIDGE, "--jump", CHAIN) for hook in _HOOKS]
    for rule in rules:
        _have("mangle", "--append", rule)
    for rule in _ACCEPTED:
        _have("filter", "--insert", rule)


def _have(table: str, add: str, rule: tuple[str, ...]) -> None:
    if not (_iptables("--check", *rule, table=table) or _iptables(add, *rule, table=table)):
        raise RuntimeError(f"iptables refuses {' '.join(rule)}: modprobe {' '.join(MODULES)}")


def down() -> None:
    """Take the rules away, and put the old setting back."""
    for rule in _ACCEPTED:
        _iptables("--delete", *rule, table="filter")
    for hook in _HOOKS:
        _iptables("--delete", hook, "--in-interface", network.BRIDGE, "--jump", CHAIN)
    _iptables("--flush", CHAIN)
    _iptables("--delete-chain", CHAIN)
    saved = paths.run() / _SAVED
    if saved.exists():
        _BRIDGED.write_text(saved.read_text())
        saved.unlink()


def _iptables(*args: str, table: str = "mangle") -> bool:
    """Whether it was done; kube-proxy does not use mangle for its own."""
    return _run("iptables", "--wait", "--table", table, *args)


def _run(*command: str) -> bool:
    """Whether a program is there and ended well."""
    environment = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
    try:
        return subprocess.run(command, check=False, capture_output=True, env=environment).returncode == 0
    except FileNotFoundError:
        return False
