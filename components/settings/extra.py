"""What the last resort, `extraValues`, may not touch: all that the program guarantees."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from components.settings.findings import Finding, wrong
from components.settings.model import Settings

_TOP = frozenset(
    {
        "affinity",
        "apiVersions",
        "clusterDomain",
        "commonAnnotations",
        "commonLabels",
        "diagnosticMode",
        "externalAzureBlob",
        "externalDatabase",
        "externalGCS",
        "externalS3",
        "extraDeploy",
        "fullnameOverride",
        "gitImage",
        "global",
        "image",
        "kubeVersion",
        "minio",
        "nameOverride",
        "namespaceOverride",
        "postgresql",
        "run",
        "tracking",
        "volumePermissions",
        "waitContainer",
    }
)
"""The chart's top-level values (5.1.17); Helm ignores any other in silence."""

_REFUSED: dict[str, str] = {
    "tracking.auth": "authentication stays on, with the credentials that the chart makes",
    "tracking.enabled": "the server is what this program runs",
    "tracking.args": "authentication is turned on by an argument; append others with tracking.extraArgs",
    "tracking.command": "it would replace the server",
    "tracking.replicaCount": "use trackingReplicas",
    "tracking.autoscaling.hpa": "use autoscaling",
    "tracking.persistence": "use trackingVolume and its settings",
    "tracking.resources": "use trackingResources",
    "tracking.tls": "the server's address and probes are HTTP inside the cluster",
    "tracking.service.ports": "the server's address has port 80",
    "tracking.containerPorts": "the server's address has port 80",
    "tracking.ingress.enabled": "use ingressHost",
    "tracking.ingress.hostname": "use ingressHost",
    "tracking.ingress.tls": "use ingressTls",
    "tracking.ingress.selfSigned": "use ingressTls",
    "tracking.ingress.secrets": "a private key has no place in values; use ingressTlsSecret",
    "tracking.ingress.annotations": "use ingressAnnotations",
    "tracking.metrics": "use metrics and serviceMonitor",
    "tracking.serviceAccount.annotations": "use serviceAccountAnnotations",
    "run": "the program runs a tracking server and no job",
    "diagnosticMode": "it would replace the server",
    "minio": "the artifact store is outside; use artifactStore",
    "image": "use imageMlflow",
    "gitImage": "use imageGit",
    "waitContainer.image": "use imageOsShell",
    "volumePermissions": "chart 5.1.17 cannot render it",
    "global.imageRegistry": "use imageRegistry",
    "global.imagePullSecrets": "use imagePullSecrets",
    "global.security": "the program sets it where imageRegistry needs it",
    "global.postgresql": "use the database settings",
    "fullnameOverride": "the credentials are found by the release's name; use releaseName",
    "nameOverride": "the credentials are found by the release's name; use releaseName",
    "namespaceOverride": "use namespace",
    "extraDeploy": "make further objects with Pulumi beside this component",
    "externalDatabase": "use the database settings",
    "externalS3": "use the s3 settings",
    "externalGCS": "use the gcs settings",
    "externalAzureBlob": "use the azure settings",
    "postgresql.enabled": "use database",
    "postgresql.auth": "the database's password belongs to the stack",
    "postgresql.architecture": "the password Secret has no replication password",
    "postgresql.image": "use imagePostgresql",
    "postgresql.metrics.image": "use imagePostgresExporter",
    "postgresql.volumePermissions.image": "use imageOsShell",
    "postgresql.fullnameOverride": "the database is found by the release's name",
    "postgresql.nameOverride": "the database is found by the release's name",
    "postgresql.primary.resources": "use databaseResources",
}
_SECRET = re.compile(
    r"(?i)(password|passwd|token|bindpw|secret_?key|access_?key|api_?key|connection_?string)$"
)
_OWN_ENV = ("MLFLOW_AUTH_CONFIG_PATH", "MLFLOW_FLASK_SERVER_SECRET_KEY", "MLFLOW_DATABASE_PASSWORD")
_OWN_ARGS = ("--app-name", "--backend-store-uri", "--artifacts-destination", "--host", "--port")


def leaves(value: object, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every leaf of nested maps and lists with its path, `tracking.extraEnvVars[0].name`; empty ones too."""
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from leaves(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and value:
        for index, item in enumerate(value):
            yield from leaves(item, f"{path}[{index}]")
    else:
        yield path, value


def _why_not(path: str, value: Any) -> str:
    """Why this leaf is refused, or an empty text."""
    for refused, why in _REFUSED.items():
        if path == refused or path.startswith((f"{refused}.", f"{refused}[")):
            return why
        if refused.startswith(f"{path}."):
            return "a map: anything else here would take the program's own values away"
    if value is None:
        return "no null: it would take the chart's own value away"
    leaf = path.rsplit(".", 1)[-1]
    if _SECRET.search(leaf) and value:
        return "no secret in values: put it in a Secret and refer to it"
    text = str(value)
    if path.startswith("tracking.extraArgs[") and text.split("=")[0].split(" ")[0] in _OWN_ARGS:
        return f"this argument is the program's own: {', '.join(_OWN_ARGS)}"
    if path.startswith("tracking.extraEnvVars[") and leaf == "name" and text in _OWN_ENV:
        return f"this variable is the chart's own: {', '.join(_OWN_ENV)}"
    return ""


def _plain_secrets(values: Mapping[str, Any]) -> Iterator[str]:
    """Paths of environment variables with a secret's name and a plain value."""
    for path, value in leaves(values):
        holder, _, leaf = path.rpartition(".")
        if leaf == "name" and _SECRET.search(str(value)):
            yield f"{holder}.value"


def extra_values(settings: Settings) -> Iterator[Finding]:
    """Every leaf of `extraValues` that would break a guarantee, and every unknown top-level name."""
    values = settings.extra_values
    plain = set(_plain_secrets(values))
    for path, value in leaves(values):
        if not path:
            return
        top = re.split(r"[.\[]", path)[0]
        why = _why_not(path, value)
        if top not in _TOP:
            near = difflib.get_close_matches(top, _TOP, 1, 0.5)
            why = f"a value of the chart{f'; did you mean {near[0]}?' if near else ''}"
        elif path in plain:
            why = "no secret in values: use valueFrom.secretKeyRef"
        if why:
            fix = f"pulumi config rm --path 'extraValues.{path}'"
            yield wrong(settings, "extra_values", why, fix, what=path)
