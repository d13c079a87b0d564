"""Settings: how people reach the server, and how Prometheus does."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from components.settings import peers
from components.settings import types as t
from components.settings.fields import Group, Whole, knob, matching, optional

_NAME = "a DNS-1123 name"
_LABEL = "the name of a namespace"


class Ingress(Group):
    """Ingress. Without a host there is none, and the server is reached only inside the cluster."""

    ingress_host: t.Host = knob(
        "",
        "Host name of the server. Empty: no ingress.",
        accepted="a lower-case DNS name of two or more labels, no IP address, without scheme, port or path",
        example="mlflow.example.com",
    )
    ingress_class: t.OptionalName = knob(
        "", "Ingress class. Empty: the cluster's default.", accepted=_NAME, example="nginx"
    )
    ingress_controller: Literal["nginx", "traefik", "other"] = knob(
        "nginx",
        "Which controller serves the ingress; each needs its own annotations. nginx: uploads of any size "
        "and duration pass; traefik: HTTP is redirected to HTTPS, as ingress-nginx does by itself; "
        "other: only ingressAnnotations are set.",
        example="traefik",
    )
    ingress_namespace: Annotated[str, optional(t.LABEL)] = knob(
        "",
        "Namespace of the controller's pods, which networkAccess ingress lets in. Empty: ingress-nginx for "
        "nginx; for traefik, traefik, and kube-system for k3s's Traefik; for other, none.",
        accepted=_LABEL,
        example="ingress-nginx",
    )
    ingress_tls: t.Boolean = knob(True, "Serve HTTPS. False sends passwords in the clear: for tests only.")
    ingress_cluster_issuer: t.OptionalName = knob(
        "", "cert-manager ClusterIssuer for the certificate.", accepted=_NAME, example="letsencrypt"
    )
    ingress_issuer: t.OptionalName = knob(
        "", "cert-manager Issuer in the namespace.", accepted=_NAME, example="letsencrypt"
    )
    ingress_tls_secret: t.OptionalName = knob(
        "", "An existing TLS Secret, instead of an issuer.", accepted=_NAME, example="mlflow-tls"
    )
    ingress_hsts: Annotated[int, Whole, Field(ge=0, le=63_072_000)] = knob(
        0,
        "Seconds for which browsers that visited once use only HTTPS (the HSTS max-age); 0: no header. "
        "For ingressController traefik; ingress-nginx sends it by itself.",
        accepted="a whole number of seconds, 0 to 63072000 (two years)",
        example="31536000",
    )
    ingress_annotations: t.Annotations = knob(
        {},
        "Further annotations; they override the program's own.",
        accepted="a map of annotation names to strings",
        example="--path 'ingressAnnotations[\"example.com/key\"]' value",
    )


class Network(Group):
    """Network. Who reaches the server inside the cluster, if its network enforces NetworkPolicies.

    Only the stack itself reaches the database, whatever is set here.
    """

    network_access: Literal["auto", "ingress", "cluster", "any"] = knob(
        "auto",
        "Who reaches the server's pods. ingress: the ingress controller, Prometheus (with metrics), the "
        "stack's own pods and networkFrom; cluster: also the pods of every namespace; any: anyone with a "
        "route to them; auto: ingress with an ingressHost, cluster without one.",
        example="cluster",
    )
    network_from: peers.Peers = knob(
        [],
        "Who else reaches the server's pods: namespaces, pods by label, address ranges.",
        accepted=peers.ACCEPTED,
        example="--path 'networkFrom[0]' jupyter",
    )


class Metrics(Group):
    """Metrics."""

    metrics: t.Boolean = knob(False, "Serve Prometheus metrics at /metrics.")
    metrics_namespace: Annotated[str, matching(t.LABEL)] = knob(
        "monitoring",
        "Namespace of the Prometheus that scrapes the pods, which networkAccess ingress lets in.",
        accepted=_LABEL,
    )
    service_monitor: t.Boolean = knob(False, "Create a ServiceMonitor; needs the Prometheus operator.")
    service_monitor_interval: Annotated[str, optional(r"[1-9][0-9]{0,8}(?:ms|s|m|h)")] = knob(
        "",
        "Time between scrapes. Empty: Prometheus's default.",
        accepted="a duration such as 30s",
        example="30s",
    )
    service_monitor_labels: t.Labels = knob(
        {},
        "Labels by which a Prometheus finds the ServiceMonitor.",
        accepted="a map of label names to label values",
        example="--path serviceMonitorLabels.release prometheus",
    )
    grafana_dashboard: t.Boolean = knob(
        False, "Create a ConfigMap with a Grafana dashboard, which Grafana's sidecar loads."
    )
    grafana_dashboard_labels: t.Labels = knob(
        {"grafana_dashboard": "1"},
        "Labels by which the sidecar finds it.",
        accepted="a map of label names to label values",
        example="--path grafanaDashboardLabels.grafana_dashboard 1",
    )
