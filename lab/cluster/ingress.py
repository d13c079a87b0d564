"""How people reach what runs in the lab's cluster: by Traefik, its ingress controller, and cert-manager.

Both run on this machine, as CoreDNS does; Traefik listens on the bridge's address alone.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from lab import paths, tools
from lab.cluster import network, pki, trust
from lab.cluster.control_plane import LEAN, serves
from lab.cluster.processes import Program

CLASS = "traefik"
"""The ingress class, which is the cluster's default."""

ISSUERS = ("lab", "letsencrypt")
"""ClusterIssuers, behind which the lab's own authority stands; the second is the production stack's."""

ISSUER_NAMESPACE = "cert-manager"
AUTHORITY_SECRET = "lab-authority"  # noqa: S105 - a name
TRAEFIK_PORT = 8183
CERTIFICATES_PORT = 8184


def traefik() -> Program:
    """The ingress controller, as its Helm chart sets it up: TLS on port 443, no redirection of its own."""
    # Traefik gives a request 60 s to arrive, which a slow or large artifact does not keep.
    patient = {"respondingTimeouts": {"readTimeout": "0s"}}
    config = {
        "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
        "log": {"level": "WARN"},
        "entryPoints": {
            "web": {"address": f"{network.GATEWAY}:80", "transport": patient},
            "websecure": {"address": f"{network.GATEWAY}:443", "transport": patient, "http": {"tls": {}}},
            "traefik": {"address": f"127.0.0.1:{TRAEFIK_PORT}"},
        },
        "ping": {},
        "providers": {
            "kubernetesIngress": {"ingressEndpoint": {"ip": network.GATEWAY}},
            "kubernetesCRD": {},
        },
    }
    # JSON is YAML; with a file of its own Traefik looks for no other on this machine.
    file = paths.write(paths.run() / "traefik.yaml", json.dumps(config))
    return Program(
        "traefik",
        [tools.bin_folder() / "traefik", f"--configfile={file}"],
        ready=lambda: serves(f"http://127.0.0.1:{TRAEFIK_PORT}/ping"),
        env={**LEAN, "KUBECONFIG": str(pki.kubeconfig())},
    )


def certificates() -> Program:
    """cert-manager's controllers, in one program (lab/go/addons/certificates)."""
    address = f"127.0.0.1:{CERTIFICATES_PORT}"
    return Program(
        "certificates",
        [
            tools.bin_folder() / "certificates",
            f"--kubeconfig={pki.kubeconfig()}",
            f"--namespace={ISSUER_NAMESPACE}",
            f"--health={address}",
        ],
        ready=lambda: serves(f"http://{address}/"),
        env=LEAN,
    )


def kinds() -> list[Path]:
    """The definitions of the kinds that both read, in files of YAML; they come with the programs."""
    return [tools.bin_folder() / f"{module}-kinds.yaml" for module in ("traefik", "certificates")]


def objects() -> list[dict[str, Any]]:
    """What the cluster must hold for both: the class, and the issuers with their authority."""
    certificate = trust.certificate()
    pair = {"tls.crt": certificate, "tls.key": certificate.with_suffix(".key")}
    secret = {
        **_object("v1", "Secret", AUTHORITY_SECRET, namespace=ISSUER_NAMESPACE),
        "type": "kubernetes.io/tls",
        "data": {name: base64.b64encode(file.read_bytes()).decode() for name, file in pair.items()},
    }
    default = {"ingressclass.kubernetes.io/is-default-class": "true"}
    return [
        {
            **_object("networking.k8s.io/v1", "IngressClass", CLASS, annotations=default),
            "spec": {"controller": "traefik.io/ingress-controller"},
        },
        _object("v1", "Namespace", ISSUER_NAMESPACE),
        secret,
        *(
            {
                **_object("cert-manager.io/v1", "ClusterIssuer", name),
                "spec": {"ca": {"secretName": AUTHORITY_SECRET}},
            }
            for name in ISSUERS
        ),
    ]


def _object(version: str, kind: str, name: str, **metadata: Any) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, **metadata}}
