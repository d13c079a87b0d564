"""The way from people to the server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.unit.objects import (
    READY,
    condition,
    named,
)
from tests.unit.readings.seen import (
    SERVES,
    Seen,
)


def ingress(annotations: Mapping[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    """An ingress that a controller serves, with TLS by a Secret that is not there."""
    tls = [{"hosts": ["m.example.com"], "secretName": "m.example.com-tls"}]
    made = named(
        "Ingress",
        "mlflow-tracking",
        metadata={"annotations": annotations or {}},
        spec={"ingressClassName": "nginx", "tls": tls, **spec},
        status={"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}},
    )
    return {"ingresses": [made], "ingress_classes": [named("IngressClass", "nginx")]}


def kept_out(peer: Mapping[str, Any], **pod: Any) -> dict[str, Any]:
    """A controller in namespace `edge`; the server's policy lets in its own clients, and perhaps a peer."""
    controller = named(
        "Pod",
        "traefik-1",
        metadata={"namespace": "edge", "labels": {"app.kubernetes.io/name": "traefik"}},
        spec=pod,
        status={"phase": "Running"},
    )
    clients = {"podSelector": {"matchLabels": {"mlflow-client": "true"}}}
    selector = {"matchLabels": {"app.kubernetes.io/component": "tracking"}}
    policy = named(
        "NetworkPolicy",
        "mlflow-tracking",
        spec={
            "podSelector": selector,
            "policyTypes": ["Ingress"],
            "ingress": [{"from": [clients]}, *([{"from": [peer]}] if peer else [])],
        },
    )
    return {**ingress(tls=[]), "controllers": [controller], "policies": [policy]}


def space(name: str, **more: Any) -> dict[str, Any]:
    """The pods of a namespace."""
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}, **more}


BY_CLUSTER = {"cert-manager.io/cluster-issuer": "letsencrypt"}


CASES = [
    Seen("ingress-class-missing", "no default ingress class", ingress(ingressClassName=None, tls=[])),
    Seen(
        "ingress-not-served",
        "kubectl describe ingress",
        {**ingress(tls=[]), "ingresses": [{**ingress(tls=[])["ingresses"][0], "status": {}}]},
        certain=False,
    ),
    Seen("cert-manager-missing", "install cert-manager", {**ingress(BY_CLUSTER), "cluster_issuers": None}),
    Seen("issuer-missing", 'Issuer "mine"', {**ingress({"cert-manager.io/issuer": "mine"}), "issuers": []}),
    Seen(
        "issuer-not-ready",
        "is not ready",
        {
            **ingress(BY_CLUSTER),
            "cluster_issuers": [
                named("C", "letsencrypt", status={"conditions": [condition("Ready", message="no account")]})
            ],
        },
    ),
    Seen(
        "certificate-pending",
        "DNS name",
        {
            **ingress(BY_CLUSTER),
            "cluster_issuers": [named("C", "letsencrypt", status={"conditions": [READY]})],
            "certificates": [
                named(
                    "C",
                    "x",
                    spec={"secretName": "m.example.com-tls"},
                    status={"conditions": [condition("Ready", message="Issuing")]},
                )
            ],
        },
        certain=False,
    ),
    Seen("tls-secret-missing", "ingressTlsSecret", ingress()),
    Seen("ingress-kept-out", "ingressNamespace edge", kept_out({}), certain=False),
    Seen("ingress-kept-out", "ingressNamespace edge", kept_out(space("traefik")), certain=False),
    Seen(
        "ingress-kept-out",
        "networkFrom[0]",
        kept_out(space("edge"), hostNetwork=True),
        certain=False,
    ),
    Seen(
        "load-balancer-pending",
        "EXTERNAL-IP",
        {
            "services": [
                named("S", "mlflow-tracking", spec={"type": "LoadBalancer"}, status={"loadBalancer": {}})
            ]
        },
        certain=False,
    ),
    Seen("service-without-pods", "selector", {**SERVES, "slices": []}, certain=False),
    Seen("port-forward-taken", "another port", SERVES, {"forward": "port 5001 is held by x (pid 1)"}),
]
