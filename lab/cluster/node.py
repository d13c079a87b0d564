"""The one node: containerd, kubelet and kube-proxy, with every file of theirs in the run folder."""

from __future__ import annotations

import json
import os
import shutil
import socket as sockets
import subprocess
from pathlib import Path

from lab import paths, tools
from lab.cluster import network, pki
from lab.cluster.control_plane import LEAN, serves
from lab.cluster.processes import Program
from lab.shell import run

NAME = "lab"
PAUSE = "mlflow-lab/pause:1"


def socket() -> Path:
    """The socket of containerd."""
    return paths.run() / "containerd.sock"


def state() -> Path:
    """Where containerd keeps what it knows of running containers."""
    return paths.run() / "containerd-state"


def runc_state() -> Path:
    """Where runc does."""
    return paths.run() / "runc"


def registries() -> Path:
    """Where containerd looks, at each pull, for how to reach a registry."""
    return paths.run() / "registries"


def trust(registry: str, authority: Path) -> None:
    """Let the node pull from a registry (`host:port`) whose certificate is of this authority (PEM)."""
    host = json.dumps(f"https://{registry}")
    text = f"""server = {host}
[host.{host}]
  capabilities = ["pull", "resolve"]
  ca = {json.dumps(str(authority))}
"""
    paths.write(registries() / registry / "hosts.toml", text)


def distrust(registry: str) -> None:
    """Take that back."""
    shutil.rmtree(registries() / registry, ignore_errors=True)


def ctr(*args: str) -> list[str]:
    """A `ctr` command line for the kubelet's part of containerd."""
    return ["ctr", "--address", str(socket()), "--namespace", "k8s.io", *args]


def _containerd_config() -> Path:
    text = f"""version = 2
root = "{paths.run() / "containerd"}"
state = "{state()}"
[grpc]
  address = "{socket()}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "docker.io/{PAUSE}"
  # Without it every pod fails here: "can't get final child's PID".
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  stream_server_address = "127.0.0.1"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "{registries()}"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{paths.run() / "cni" / "conf"}"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        Root = "{runc_state()}"
"""
    return paths.write(paths.run() / "containerd.toml", text)


def _kubelet_config() -> Path:
    names = paths.write(paths.run() / "resolv.conf", f"nameserver {network.DNS}\n")
    keys = pki.folder()
    config = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": network.GATEWAY,
        "healthzBindAddress": "127.0.0.1",
        "authentication": {"anonymous": {"enabled": False}, "x509": {"clientCAFile": str(keys / "ca.crt")}},
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(keys / "kubelet.crt"),
        "tlsPrivateKeyFile": str(keys / "kubelet.key"),
        "cgroupDriver": "cgroupfs",
        "failSwapOn": False,
        "clusterDNS": [network.DNS],
        "clusterDomain": network.DOMAIN,
        "resolvConf": str(names),
        "containerRuntimeEndpoint": f"unix://{socket()}",
        "podLogsDir": str(paths.run() / "pod-logs"),
        "volumePluginDir": str(paths.run() / "volume-plugins"),
        # Images come by import, so one that was collected would be gone for good.
        "imageGCHighThresholdPercent": 100,
        "evictionHard": {"memory.available": "200Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
    }
    return paths.write(paths.run() / "kubelet.json", json.dumps(config))


def _proxy_config() -> Path:
    config = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        "hostnameOverride": NAME,
        "clusterCIDR": network.PODS,
        "bindAddress": "127.0.0.1",
        "healthzBindAddress": "127.0.0.1:10256",
        "metricsBindAddress": "127.0.0.1:10249",
        "clientConnection": {"kubeconfig": str(pki.kubeconfig())},
        "conntrack": {"maxPerCore": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
        "iptables": {"minSyncPeriod": "0s"},
        "nodePortAddresses": ["127.0.0.0/8"],
    }
    return paths.write(paths.run() / "kube-proxy.json", json.dumps(config))


def containerd() -> Program:
    """The container runtime."""

    def ready() -> bool:
        with sockets.socket(sockets.AF_UNIX) as probe:
            # `ctr` waits 10 s for a socket that nobody serves.
            if probe.connect_ex(str(socket())):
                return False
        return subprocess.run(ctr("version"), capture_output=True, check=False).returncode == 0

    return Program(
        "containerd", ["containerd", "--config", _containerd_config(), "--log-level=warn"], ready, LEAN
    )


def programs() -> list[Program]:
    """Kubelet and kube-proxy; they want containerd and the API server."""
    return [
        Program(
            "kubelet",
            [
                tools.bin_folder() / "kubelet",
                f"--config={_kubelet_config()}",
                f"--kubeconfig={pki.kubeconfig('kubelet')}",
                f"--root-dir={paths.run() / 'kubelet'}",
                f"--cert-dir={paths.run() / 'kubelet-certificates'}",
                f"--hostname-override={NAME}",
                f"--node-ip={network.GATEWAY}",
            ],
            ready=lambda: serves("http://127.0.0.1:10248/healthz"),
            env={**LEAN, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"},
        ),
        Program(
            "kube-proxy",
            [tools.bin_folder() / "kube-proxy", f"--config={_proxy_config()}"],
            ready=lambda: serves("http://127.0.0.1:10256/healthz"),
            env={**LEAN, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"},
        ),
    ]


def import_image(archive: Path) -> None:
    """Give containerd the images of a docker archive, once for each archive."""
    mark = paths.run() / "imported" / archive.parent.name
    if mark.exists():
        return
    run(ctr("images", "import", str(archive)), log=paths.logs() / "images.log")
    mark.parent.mkdir(exist_ok=True)
    mark.touch()
