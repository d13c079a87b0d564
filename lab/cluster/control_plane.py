"""etcd, API server, controller manager and scheduler, all on loopback."""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request

from lab import paths, tools
from lab.cluster import network, pki
from lab.cluster.processes import Program

ETCD = "http://127.0.0.1:2379"
LEAN = {"GOGC": "50"}
"""Go's collector runs twice as often: less memory for a little processor time."""


def serves(url: str) -> bool:
    """Whether a health address answers 2xx (its certificate is the cluster's own)."""
    context = (
        ssl.create_default_context(cafile=str(pki.folder() / "ca.crt")) if url.startswith(pki.API) else None
    )
    if context:
        context.load_cert_chain(pki.folder() / "admin.crt", pki.folder() / "admin.key")
    elif url.startswith("https"):
        context = ssl._create_unverified_context()  # noqa: S323 a self-signed health port on loopback
    try:
        with urllib.request.urlopen(url, timeout=2, context=context) as answer:  # noqa: S310 fixed addresses
            return bool(200 <= answer.status < 300)
    except (OSError, urllib.error.URLError):
        return False


def programs() -> list[Program]:
    """The control plane, in the order of starting."""
    binary, keys, config = tools.bin_folder(), pki.folder(), f"--kubeconfig={pki.kubeconfig()}"
    return [
        Program(
            "etcd",
            [
                "etcd",
                f"--data-dir={paths.run() / 'etcd'}",
                f"--listen-client-urls={ETCD}",
                f"--advertise-client-urls={ETCD}",
                "--listen-peer-urls=http://127.0.0.1:2380",
                "--log-level=warn",
                # A power cut may cost the lab's state; nothing else does, and starts are quick.
                "--unsafe-no-fsync",
            ],
            ready=lambda: serves(f"{ETCD}/health"),
            env=LEAN,
        ),
        Program(
            "kube-apiserver",
            [
                binary / "kube-apiserver",
                f"--etcd-servers={ETCD}",
                "--bind-address=127.0.0.1",
                "--secure-port=6443",
                f"--advertise-address={network.GATEWAY}",
                "--endpoint-reconciler-type=none",
                f"--tls-cert-file={keys / 'apiserver.crt'}",
                f"--tls-private-key-file={keys / 'apiserver.key'}",
                f"--client-ca-file={keys / 'ca.crt'}",
                f"--kubelet-certificate-authority={keys / 'ca.crt'}",
                f"--kubelet-client-certificate={keys / 'admin.crt'}",
                f"--kubelet-client-key={keys / 'admin.key'}",
                "--kubelet-preferred-address-types=InternalIP",
                "--authorization-mode=Node,RBAC",
                "--enable-admission-plugins=NodeRestriction",
                f"--service-cluster-ip-range={network.SERVICES}",
                "--service-account-issuer=https://kubernetes.default.svc",
                f"--service-account-key-file={keys / 'service-accounts.key'}",
                f"--service-account-signing-key-file={keys / 'service-accounts.key'}",
                "--allow-privileged=true",
                "--profiling=false",
                # Without progress from etcd (Debian has 3.4) it asks twice a second, in vain.
                "--feature-gates=SizeBasedListCostEstimate=false",
            ],
            ready=lambda: serves(f"{pki.API}/readyz"),
            env=LEAN,
        ),
        Program(
            "kube-controller-manager",
            [
                binary / "kube-controller-manager",
                config,
                "--bind-address=127.0.0.1",
                "--leader-elect=false",
                f"--service-account-private-key-file={keys / 'service-accounts.key'}",
                f"--root-ca-file={keys / 'ca.crt'}",
                "--profiling=false",
            ],
            ready=lambda: serves("https://127.0.0.1:10257/healthz"),
            env=LEAN,
        ),
        Program(
            "kube-scheduler",
            [
                binary / "kube-scheduler",
                config,
                f"--authentication-kubeconfig={pki.kubeconfig()}",
                f"--authorization-kubeconfig={pki.kubeconfig()}",
                "--bind-address=127.0.0.1",
                "--leader-elect=false",
                "--profiling=false",
            ],
            ready=lambda: serves("https://127.0.0.1:10259/healthz"),
            env=LEAN,
        ),
    ]
