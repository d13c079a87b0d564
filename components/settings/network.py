"""Settings: how people reach the server, and how Prometheus does."""

from __future__ import annotations

from typing import Annotated

from components.settings import types as t
from components.settings.fields import Group, knob, optional

_NAME = "a DNS-1123 name"
_BOOL = "true or false"


class Ingress(Group):
    """Ingress. Without a host there is none, and the server is reached inside the cluster."""

    ingress_host: t.Host = knob(
        "",
        "Host name of the server. Empty: no ingress.",
        accepted="a DNS name of two or more labels, lower case, no address, without scheme, port or path",
        example="mlflow.example.com",
    )
    ingress_class: t.OptionalName = knob(
        "", "Ingress class. Empty: the cluster's default.", accepted=_NAME, example="nginx"
    )
    ingress_tls: t.Boolean = knob(
        True, "Serve HTTPS. False sends passwords in clear: for tests only.", accepted=_BOOL
    )
    ingress_cluster_issuer: t.OptionalName = knob(
        "", "cert-manager ClusterIssuer of the certificate.", accepted=_NAME, example="letsencrypt"
    )
    ingress_issuer: t.OptionalName = knob(
        "", "cert-manager Issuer in the namespace.", accepted=_NAME, example="letsencrypt"
    )
    ingress_tls_secret: t.OptionalName = knob(
        "", "An existing TLS Secret, instead of an issuer.", accepted=_NAME, example="mlflow-tls"
    )
    ingress_annotations: t.Annotations = knob(
        {},
        "Further annotations; they win over the program's own (large and slow uploads on nginx).",
        accepted="a map of annotation names to texts",
        example="--path 'ingressAnnotations[\"example.com/key\"]' value",
    )


class Metrics(Group):
    """Metrics."""

    metrics: t.Boolean = knob(False, "Serve Prometheus metrics at /metrics.", accepted=_BOOL)
    service_monitor: t.Boolean = knob(
        False, "Make a ServiceMonitor; needs the Prometheus operator.", accepted=_BOOL
    )
    service_monitor_interval: Annotated[str, optional(r"[1-9][0-9]{0,8}(?:ms|s|m|h)")] = knob(
        "", "Time between scrapes. Empty: Prometheus' own.", accepted="a duration such as 30s", example="30s"
    )
    service_monitor_labels: t.Labels = knob(
        {},
        "Labels by which a Prometheus finds the ServiceMonitor.",
        accepted="a map of label names to label values",
        example="--path serviceMonitorLabels.release prometheus",
    )
