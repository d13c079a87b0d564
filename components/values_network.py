"""Helm values of ingress and metrics."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from components import names
from components.settings import Settings

_UPLOADS = {
    "nginx.ingress.kubernetes.io/proxy-body-size": "0",
    "nginx.ingress.kubernetes.io/proxy-buffering": "off",
    "nginx.ingress.kubernetes.io/proxy-request-buffering": "off",
    "nginx.ingress.kubernetes.io/proxy-read-timeout": "3600",
    "nginx.ingress.kubernetes.io/proxy-send-timeout": "3600",
}
"""Artifacts of any size pass as they come, for an hour (in seconds); only nginx reads these."""


def ingress(settings: Settings) -> dict[str, Any]:
    """The ingress and its certificate: by a cert-manager issuer, or an existing Secret."""
    host = settings.ingress_host
    if not host:
        return {"tracking": {"ingress": {"enabled": False}}}
    issuers = {
        "cert-manager.io/cluster-issuer": settings.ingress_cluster_issuer,
        "cert-manager.io/issuer": settings.ingress_issuer,
    }
    issued = {name: issuer for name, issuer in issuers.items() if issuer}
    middlewares = _middlewares(settings)
    own = _UPLOADS if settings.ingress_controller == "nginx" else _through(settings, middlewares)
    result: dict[str, Any] = {
        "enabled": True,
        "hostname": host,
        # The chart adds `tls` to the Ingress only where an issuer's annotation stands beside it.
        "tls": bool(issued),
        "annotations": {**own, **issued, **settings.ingress_annotations},
    }
    if settings.ingress_class:
        result["ingressClassName"] = settings.ingress_class
    if settings.ingress_tls_secret:
        result["extraTls"] = [{"hosts": [host], "secretName": settings.ingress_tls_secret}]
    made = {"extraDeploy": list(middlewares.values())} if middlewares else {}
    return {**made, "tracking": {"ingress": result}}


def _middlewares(settings: Settings) -> dict[str, dict[str, Any]]:
    """What Traefik does with a request on its way, by name; it has no annotations for that (Traefik 3.6).

    Its entry point for HTTP serves every ingress in clear, as its Helm chart sets it up.
    """
    if settings.ingress_controller != "traefik" or not settings.ingress_tls:
        return {}
    specs: dict[str, dict[str, Any]] = {
        names.REDIRECT: {"redirectScheme": {"scheme": "https", "permanent": True}}
    }
    if settings.ingress_hsts:
        specs[names.HSTS] = {"headers": {"stsSeconds": settings.ingress_hsts}}
    return {
        name: {
            "apiVersion": "traefik.io/v1alpha1",
            "kind": "Middleware",
            "metadata": {"name": name, "namespace": settings.namespace},
            "spec": spec,
        }
        for name, spec in ((names.own(settings.release_name, ending), spec) for ending, spec in specs.items())
    }


def _through(settings: Settings, middlewares: Iterable[str]) -> dict[str, str]:
    """The annotation that sends requests through them; a name has its namespace and provider in it."""
    chain = ",".join(f"{settings.namespace}-{name}@kubernetescrd" for name in middlewares)
    return {"traefik.ingress.kubernetes.io/router.middlewares": chain} if chain else {}


def tracking_url(settings: Settings, inside: str) -> str:
    """Where people reach the server; `inside` is its URL in the cluster."""
    if not settings.ingress_host:
        return inside
    return f"http{'s' if settings.ingress_tls else ''}://{settings.ingress_host}"


def metrics(settings: Settings) -> dict[str, Any]:
    """Prometheus metrics and the ServiceMonitor."""
    if not settings.metrics:
        return {}
    result: dict[str, Any] = {"enabled": True}
    if settings.service_monitor:
        monitor: dict[str, Any] = {"enabled": True}
        if settings.service_monitor_interval:
            monitor["interval"] = settings.service_monitor_interval
        if settings.service_monitor_labels:
            monitor["labels"] = settings.service_monitor_labels
        result["serviceMonitor"] = monitor
    return {"tracking": {"metrics": result}}
