"""An API server with no node: enough for objects, Secrets and Helm records, and for deleting them."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from lab import tools

TOKEN = "of-a-test-alone"
START_SECONDS = 60.0


def free_port() -> int:
    """A port on loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Path]:
    """Run the control plane in `folder`; gives the path of a kubeconfig. All of it is stopped, always."""
    client, peer, port = free_port(), free_port(), free_port()
    key = folder / "service-accounts.key"
    openssl = shutil.which("openssl")
    assert openssl is not None
    subprocess.run([openssl, "genrsa", "-out", key, "2048"], check=True, capture_output=True)
    (folder / "tokens.csv").write_text(f'{TOKEN},admin,admin,"system:masters"\n')
    with contextlib.ExitStack() as stack:
        _start(
            stack,
            folder / "etcd.log",
            "etcd",
            f"--data-dir={folder / 'etcd'}",
            f"--listen-client-urls=http://127.0.0.1:{client}",
            f"--advertise-client-urls=http://127.0.0.1:{client}",
            f"--listen-peer-urls=http://127.0.0.1:{peer}",
            "--unsafe-no-fsync",
        )
        _start(
            stack,
            folder / "apiserver.log",
            str(tools.bin_folder() / "kube-apiserver"),
            f"--etcd-servers=http://127.0.0.1:{client}",
            "--bind-address=127.0.0.1",
            f"--secure-port={port}",
            f"--cert-dir={folder / 'certificates'}",
            f"--token-auth-file={folder / 'tokens.csv'}",
            "--authorization-mode=RBAC",
            "--endpoint-reconciler-type=none",
            "--service-cluster-ip-range=198.19.0.0/16",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}",
            "--disable-admission-plugins=ServiceAccount",
        )
        _wait(f"https://127.0.0.1:{port}/readyz", folder / "apiserver.log")
        kubeconfig = _kubeconfig(folder / "kubeconfig", port)
        _start(
            stack,
            folder / "controllers.log",
            str(tools.bin_folder() / "kube-controller-manager"),
            f"--kubeconfig={kubeconfig}",
            # These two finish what a deletion begins.
            "--controllers=namespace-controller,garbage-collector-controller",
            "--leader-elect=false",
            f"--secure-port={free_port()}",
        )
        yield kubeconfig


def _start(stack: contextlib.ExitStack, log: Path, *command: str) -> None:
    out = stack.enter_context(log.open("wb"))
    process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
    stack.callback(_stop, process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _wait(url: str, log: Path) -> None:
    trusting = ssl._create_unverified_context()
    asked = urllib.request.Request(url, headers={"Authorization": f"Bearer {TOKEN}"})
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(asked, context=trusting, timeout=2):
                return
        except OSError:
            time.sleep(0.2)
    raise TimeoutError(f"no API server after {START_SECONDS:.0f} s:\n{log.read_text()[-2000:]}")


def _kubeconfig(file: Path, port: int) -> Path:
    server = {"server": f"https://127.0.0.1:{port}", "insecure-skip-tls-verify": True}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "clusters": [{"name": "test", "cluster": server}],
        "users": [{"name": "test", "user": {"token": TOKEN}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
    }
    file.write_text(json.dumps(config))
    return file
