"""Helm values of NetworkPolicies: who reaches the server, and that the database answers the stack alone.

Both policies are the chart's own (5.1.17). They add up with any other policy of the namespace, and hold where
the cluster's network enforces policies. What a node itself asks (probes, `kubectl port-forward`) passes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from components import reach
from components.settings import Settings
from components.settings.model import exporter
from components.settings.peers import ANYBODY, peer

_CONTROLLERS = {
    "nginx": ("ingress-nginx",),
    # k3s brings Traefik along, and has it among what is its own.
    "traefik": ("traefik", "kube-system/app.kubernetes.io/name=traefik"),
    "other": (),
}
"""Where the pods of an ingress controller are, as its makers install it."""
_SERVER_PORT = 5000
"""The port of the server's pods (`tracking.containerPorts.http` of chart 5.1.17)."""
_EXPORTER_PORT = "http-metrics"


def access(settings: Settings) -> dict[str, Any]:
    """What the policies of server and database let in; pods with the chart's client labels get in as well."""
    found: dict[str, Any] = {}
    if settings.access != "any":
        found["tracking"] = {"networkPolicy": _closed(_server(settings))}
    if settings.database == "subchart":
        found["postgresql"] = {"primary": {"networkPolicy": _closed(_database(settings))}}
    return found


def _closed(rules: Iterator[dict[str, Any]]) -> dict[str, Any]:
    extra = [*rules]
    return {"allowExternal": False, **({"extraIngress": extra} if extra else {})}


def _server(settings: Settings) -> Iterator[dict[str, Any]]:
    peers = [*map(peer, _named(settings))]
    if settings.access == "cluster":
        peers = [ANYBODY, *(each for each in peers if "ipBlock" in each)]
    if peers:
        yield {"ports": [{"port": _SERVER_PORT, "protocol": "TCP"}], "from": peers}


def _named(settings: Settings) -> Iterator[str]:
    """Whoever is let in by name, each once."""
    found: dict[str, None] = dict.fromkeys(settings.network_from)
    if settings.ingress_host:
        own = settings.ingress_namespace
        found |= dict.fromkeys([own] if own else _CONTROLLERS[settings.ingress_controller])
    if settings.metrics:
        found[settings.metrics_namespace] = None
    yield from found


def _database(settings: Settings) -> Iterator[dict[str, Any]]:
    """A client label on the server's pods would be in their Deployment's selector, which cannot change."""
    yield {"from": [reach.pods(reach.SERVER, settings)]}
    if exporter(settings):
        yield {"ports": [{"port": _EXPORTER_PORT}], "from": [peer(settings.metrics_namespace)]}
