"""Rules between settings of cluster, ingress, metrics and database. No rule asks a cluster."""

from __future__ import annotations

from collections.abc import Iterator

from components.settings.findings import Finding, missing, no_effect, one_of, wrong
from components.settings.images import image
from components.settings.model import Settings, exporter, is_given, key_of, set_command

RESERVED = frozenset({"default", "kube-system", "kube-public", "kube-node-lease"})
_ISSUERS = ("ingress_cluster_issuer", "ingress_issuer", "ingress_tls_secret")
_INGRESS = (
    *("ingress_class", "ingress_controller", "ingress_namespace", "ingress_tls", "ingress_hsts"),
    "ingress_annotations",
)
_ISSUED_BY = {
    "cert-manager.io/cluster-issuer": "ingress_cluster_issuer",
    "cert-manager.io/issuer": "ingress_issuer",
    "kubernetes.io/tls-acme": "ingress_cluster_issuer",
}
_ELSEWHERE = "there the controller sends the header itself (ingress-nginx: `hsts` in its ConfigMap)"
_IMAGES = ("image_mlflow", "image_postgresql", "image_os_shell", "image_git", "image_postgres_exporter")
_EXTERNAL = ("host", "port", "user", "name", "auth_name", "password", "existing_secret_key")
_SUBCHART = ("database_size", "database_class", "database_resources")


def cluster(settings: Settings) -> Iterator[Finding]:
    """Which cluster, which registries."""
    if not settings.context:
        yield missing("context", "no context is ever used by accident")
    if settings.create_namespace and settings.namespace in RESERVED:
        yield wrong(
            settings,
            "namespace",
            "a namespace of the stack's own: destroying the stack deletes it",
            set_command("namespace", "mlflow"),
            "create_namespace",
        )
    if not settings.create_namespace:
        yield from no_effect(settings, "pod_security", "with createNamespace false", "create_namespace")
    credentials = ("chart_username", "chart_password")
    if settings.chart_ca_file or any(is_given(settings, name) for name in credentials):
        for name in credentials:
            if not is_given(settings, name):
                yield missing(
                    name, "user, password and CA of a private chart registry go together", *credentials
                )
    login = ("image_username", "image_password")
    if any(is_given(settings, name) for name in login):
        for name in login:
            if not is_given(settings, name):
                yield missing(name, "user and password of an image registry go together", *login)
    for name in _IMAGES:
        parts = image(settings, name)
        if parts.registry == "docker.io" and parts.repository.startswith("bitnami/"):
            moved = f"bitnamilegacy/{parts.repository.removeprefix('bitnami/')}"
            yield wrong(
                settings, name, f"Bitnami moved it to {moved}", set_command(name, moved), "image_registry"
            )


def ingress(settings: Settings) -> Iterator[Finding]:
    """An ingress has a host, and TLS has exactly one source."""
    if not settings.ingress_host:
        for name in (*_ISSUERS, *_INGRESS):
            yield from no_effect(settings, name, "without ingressHost", "ingress_host")
        return
    for name in _ISSUED_BY.keys() & settings.ingress_annotations.keys():
        key = _ISSUED_BY[name]
        fix = f"pulumi config rm --path 'ingressAnnotations[\"{name}\"]'"
        yield wrong(settings, "ingress_annotations", f"not {name}: use {key_of(key)}", fix, what=name)
    if settings.ingress_tls:
        yield from one_of(settings, _ISSUERS, "with ingressTls true", "ingress_host", "ingress_tls")
    else:
        for name in (*_ISSUERS, "ingress_hsts"):
            yield from no_effect(settings, name, "with ingressTls false", "ingress_host", "ingress_tls")
    if settings.ingress_controller != "traefik":
        yield from no_effect(
            settings,
            "ingress_hsts",
            f"with ingressController {settings.ingress_controller}: {_ELSEWHERE}",
            "ingress_controller",
        )


def network(settings: Settings) -> Iterator[Finding]:
    """Somebody is let in who hands on what comes through the ingress."""
    if settings.access == "any":
        yield from no_effect(settings, "network_from", "with networkAccess any", "network_access")
    if not settings.ingress_host:
        return
    if settings.access != "ingress":
        when = f"with networkAccess {settings.access}"
        yield from no_effect(settings, "ingress_namespace", when, "network_access", "ingress_host")
    elif settings.ingress_controller == "other" and not (settings.ingress_namespace or settings.network_from):
        yield missing(
            "ingress_namespace",
            "with networkAccess ingress nobody else gets in; for a controller outside the cluster, name its "
            "addresses in networkFrom, or set networkAccess any",
            *("ingress_host", "ingress_controller", "network_access", "network_from"),
        )


def metrics(settings: Settings) -> Iterator[Finding]:
    """A ServiceMonitor needs metrics to scrape, and a dashboard some to show."""
    for name in ("service_monitor", "grafana_dashboard"):
        if getattr(settings, name) and not settings.metrics:
            yield wrong(
                settings, name, "false, or metrics true as well", set_command("metrics", "true"), "metrics"
            )
    if not settings.metrics and not exporter(settings):
        yield from no_effect(settings, "metrics_namespace", "with metrics false", "metrics", "extra_values")
    if not settings.grafana_dashboard:
        yield from no_effect(
            settings, "grafana_dashboard_labels", "with grafanaDashboard false", "grafana_dashboard"
        )
    if not settings.service_monitor:
        for name in ("service_monitor_interval", "service_monitor_labels"):
            yield from no_effect(settings, name, "with serviceMonitor false", "service_monitor")


def database(settings: Settings) -> Iterator[Finding]:
    """Sub-chart and external database have settings of their own."""
    if settings.database == "subchart":
        for part in _EXTERNAL:
            yield from no_effect(settings, f"database_{part}", "with database subchart", "database")
        return
    for name in _SUBCHART:
        yield from no_effect(settings, name, "with database external", "database")
    if not settings.database_host:
        yield missing("database_host", "an external database needs a host", "database")
    yield from one_of(
        settings, ("database_password", "database_existing_secret"), "with database external", "database"
    )
