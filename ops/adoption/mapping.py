"""From the values of a release that Helm made by hand to the settings of a stack: all that has a setting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ops.adoption.mapping_stores import database, resources, store, volumes
from ops.adoption.reading import Pairs, Values, at
from ops.chart import IMAGES

_CLUSTER_ISSUER, _ISSUER = "cert-manager.io/cluster-issuer", "cert-manager.io/issuer"


def mapped(values: Values, chart_version: str, release: str) -> dict[str, Any]:
    """Every setting that a release decides, by key; None where it has the default (chart 5.1.17)."""
    parts = (_images, _ingress, store, volumes, _server, _metrics)
    found: dict[str, Any] = {"chartVersion": chart_version, **dict(database(values, release))}
    for part in parts:
        found |= dict(part(values))
    return found


def _images(values: Values) -> Pairs:
    yield "imageRegistry", at(values, "global.imageRegistry") or None
    pull = [*at(values, "global.imagePullSecrets", []), *at(values, "image.pullSecrets", [])]
    yield "imagePullSecrets", [one["name"] if isinstance(one, Mapping) else one for one in pull] or None
    for key, path in IMAGES.items():
        given = at(values, path, {})
        parts = (f"{given['registry']}/" if given.get("registry") else "", given.get("repository") or "")
        tag = f":{given['tag']}" if given.get("tag") else ""
        digest = f"@{given['digest']}" if given.get("digest") else ""
        yield key, f"{''.join(parts)}{tag}{digest}" if given.get("repository") else None


def _ingress(values: Values) -> Pairs:
    """A certificate by an issuer, by a Secret of one's own, or the chart's self-signed one (`HOST-tls`)."""
    given = at(values, "tracking.ingress", {})
    given = given if given.get("enabled") else {}
    annotations = dict(given.get("annotations") or {})
    issuers = {"ingressClusterIssuer": _CLUSTER_ISSUER, "ingressIssuer": _ISSUER}
    issued = {key: annotations.pop(name, None) for key, name in issuers.items()}
    own = [entry["secretName"] for entry in given.get("extraTls") or [] if entry.get("secretName")]
    host, tls = given.get("hostname"), given.get("tls") or own
    yield "ingressHost", host
    yield "ingressClass", given.get("ingressClassName") or None
    yield "ingressTls", False if host and not tls else None
    for key, issuer in issued.items():
        yield key, issuer if tls else None
    secret = (own or [f"{host}-tls"])[0]
    yield "ingressTlsSecret", secret if tls and not any(issued.values()) else None
    yield "ingressAnnotations", annotations or None


def _server(values: Values) -> Pairs:
    yield "defaultPermission", at(values, "tracking.auth.extraOverrides.default_permission") or None
    scaling = at(values, "tracking.autoscaling.hpa", {})
    on = bool(scaling.get("enabled"))
    yield "databaseUpgrade", at(values, "tracking.runUpgradeDB") or None
    yield "autoscaling", on or None
    yield "trackingReplicas", None if on else at(values, "tracking.replicaCount")
    for key, value in {
        "autoscalingMin": "minReplicas",
        "autoscalingMax": "maxReplicas",
        "autoscalingCpu": "targetCPU",
        "autoscalingMemory": "targetMemory",
    }.items():
        # What is empty is off for the chart (5.1.17); of the targets a 0 says so here.
        off = "0" if value.startswith("target") else None
        yield key, (scaling.get(value) or off) if on else None
    amounts = resources("trackingResources", at(values, "tracking", {}))
    if amounts:
        yield "trackingScratchSize", amounts["limits"].pop("ephemeral-storage", None)
    yield "trackingResources", amounts


def _metrics(values: Values) -> Pairs:
    given = at(values, "tracking.metrics", {})
    monitor = given.get("serviceMonitor") or {} if given.get("enabled") else {}
    monitor = monitor if monitor.get("enabled") else {}
    yield "metrics", given.get("enabled") or None
    yield "serviceMonitor", monitor.get("enabled")
    yield "serviceMonitorInterval", monitor.get("interval") or None
    yield "serviceMonitorLabels", monitor.get("labels") or None
