"""What the pods of the stack's own Jobs may reach: names, the database, and the store or the server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from components.settings import Settings
from components.values_stores import PORTS

Rule = dict[str, Any]
"""A rule of a NetworkPolicy for what goes out."""

SERVER = {"app.kubernetes.io/component": "tracking"}
"""Labels of the tracking server's pods (chart 5.1.17)."""

_CLOUD: Rule = {
    "ports": [{"port": 80, "protocol": "TCP"}],
    "to": [{"ipBlock": {"cidr": "169.254.0.0/16"}}],
}
"""Where a cloud hands out credentials: 169.254.169.254, and 169.254.170.23 of EKS Pod Identity."""
_DNS: Rule = {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]}


def policy(selector: Mapping[str, str], *reached: Sequence[Rule]) -> dict[str, Any]:
    """Nobody reaches the pods; they reach names and what the rules of each say. Policies add up."""
    return {
        "podSelector": {"matchLabels": {**selector}},
        "policyTypes": ["Ingress", "Egress"],
        "egress": [_DNS, *(rule for rules in reached for rule in rules)],
    }


def database(settings: Settings) -> list[Rule]:
    """The sub-chart's pods, or an external database's port."""
    if settings.database == "external":
        return [{"ports": [{"port": settings.database_port, "protocol": "TCP"}]}]
    return [_pods({"app.kubernetes.io/name": "postgresql"}, settings)]


def server(settings: Settings) -> list[Rule]:
    """The tracking server's pods."""
    return [_pods(SERVER, settings)]


def store(settings: Settings) -> list[Rule]:
    """The store, and with workload identity also where the cloud hands out the credentials for it."""
    return [_s3(settings), *([_CLOUD] if settings.workload_identity else [])]


def _s3(settings: Settings) -> Rule:
    """The store's port; for a Service inside the cluster its namespace: the ports of its pods are others."""
    url = urlsplit(settings.s3_endpoint)
    service, _, rest = str(url.hostname).partition(".")
    parts = rest.split(".")
    if service.isdigit() or (rest and parts[1:2] != ["svc"]):
        port = url.port or PORTS[url.scheme]
        return {"ports": [{"port": port, "protocol": "TCP"}]}
    where = {"kubernetes.io/metadata.name": parts[0] or settings.namespace}
    return {"ports": [{"protocol": "TCP"}], "to": [{"namespaceSelector": {"matchLabels": where}}]}


def pods(labels: Mapping[str, str], settings: Settings) -> dict[str, Any]:
    """Pods of the release, as a policy selects them."""
    return {"podSelector": {"matchLabels": {**labels, "app.kubernetes.io/instance": settings.release_name}}}


def _pods(labels: Mapping[str, str], settings: Settings) -> Rule:
    """A Service's port is not its pods' own, and a policy sees the pods'."""
    return {"ports": [{"protocol": "TCP"}], "to": [pods(labels, settings)]}
