"""Pods of the stack's own Jobs: pure functions from settings, no secret in what they give.

They run images that the stack runs anyway, reach database and store as the server does, and conform to the
security standard `restricted`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from components import names
from components.settings import Settings
from components.settings.images import pull_secrets, reference
from components.values import values
from components.values_server import database_secret

_USER = 1001
"""The user of Bitnami's images, as the chart's pods have it (5.1.17)."""
_TMP = "/tmp"  # noqa: S108 - in the container, a volume of the pod's own
_PLACED = ("nodeSelector", "tolerations", "priorityClassName", "schedulerName")
"""What says by which scheduler and on which nodes the server runs, as the chart names it (5.1.17)."""
_NO_PROXY = {
    "labels": {"sidecar.istio.io/inject": "false"},
    "annotations": {"linkerd.io/inject": "disabled"},
}
"""Keep a service mesh out: its proxy would outlive the work, and the Job with it block the next one."""


def selector(what: str, instance: str) -> dict[str, str]:
    """Labels that these pods have and no others: those of the release count for drift and diagnosis."""
    return {"app.kubernetes.io/name": what, "app.kubernetes.io/instance": instance}


def client_of_database(settings: Settings) -> dict[str, str]:
    """The label by which the sub-chart's policy knows who may ask the database (chart 5.1.17)."""
    if settings.database == "external":
        return {}
    return {names.client(names.database(settings.release_name)): "true"}


def client_of_server(settings: Settings) -> dict[str, str]:
    """The label by which the chart's policy knows who may ask the server."""
    return {names.client(names.fullname(settings.release_name)): "true"}


def _server(settings: Settings) -> Mapping[str, Any]:
    """The server's values without the hook of the stack: a volume, a mount and variables of its own."""
    off = {"fast_authentication": False, "strict_permissions": False}
    found: Mapping[str, Any] = values(settings.model_copy(update=off))["tracking"]
    return found


def template(
    settings: Settings,
    labels: Mapping[str, str],
    containers: Sequence[dict[str, Any]],
    volumes: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:
    """A pod that runs its containers one after the other, and has no token of the API server."""
    tracking = _server(settings)
    spec = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "serviceAccountName": _account(settings, tracking),
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": _USER,
            "fsGroup": _USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "initContainers": [*containers[:-1]],
        "containers": [containers[-1]],
        "volumes": [*volumes, {"name": "tmp", "emptyDir": {}}, *tracking.get("extraVolumes", [])],
        **{key: tracking[key] for key in _PLACED if _known(tracking.get(key))},
    }
    affinity = tracking.get("affinity")
    if isinstance(affinity, Mapping) and _known(nodes := affinity.get("nodeAffinity")):
        # What the server has about other pods is about its own, which these would wait for.
        spec["affinity"] = {"nodeAffinity": nodes}
    aliases = tracking.get("hostAliases")
    if isinstance(aliases, list) and aliases:
        spec["hostAliases"] = aliases
    if pulled_by := pull_secrets(settings):
        spec["imagePullSecrets"] = [{"name": name} for name in pulled_by]
    metadata = {**_NO_PROXY, "labels": {**labels, **_NO_PROXY["labels"]}}
    return {"metadata": metadata, "spec": spec}


def _account(settings: Settings, tracking: Mapping[str, Any]) -> str:
    """The server's own service account: with workload identity the store knows no other."""
    account = tracking.get("serviceAccount", {})
    own = names.tracking(settings.release_name) if account.get("create", True) else "default"
    return str(account.get("name") or own)


def container(
    settings: Settings,
    image: str,
    name: str,
    command: list[str],
    env: list[dict[str, Any]],
    resources: Mapping[str, Mapping[str, str]],
) -> dict[str, Any]:
    """A container of one of the stack's images, which can write to `/tmp` alone."""
    server = image == "image_mlflow"
    tracking = _server(settings) if server else {}
    sources = _sources(tracking)
    return {
        "name": name,
        "image": reference(settings, image),
        "command": command,
        "env": [*plain({"HOME": _TMP, "PYTHONDONTWRITEBYTECODE": "1"} if server else {"HOME": _TMP}), *env],
        **({"envFrom": sources} if sources else {}),
        "resources": resources,
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "tmp", "mountPath": _TMP}, *tracking.get("extraVolumeMounts", [])],
    }


def _sources(tracking: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The ConfigMap and the Secret whose keys the server has as variables (chart 5.1.17)."""
    given = {"configMapRef": "extraEnvVarsCM", "secretRef": "extraEnvVarsSecret"}
    named = {kind: str(tracking.get(key) or "") for kind, key in given.items()}
    return [{kind: {"name": name}} for kind, name in named.items() if _known(name)]


def _known(value: Any) -> bool:
    """Whether a value is given, and no template, which only the chart can render."""
    return bool(value) and "{{" not in json.dumps(value)


def plain(variables: Mapping[str, str]) -> list[dict[str, Any]]:
    """Variables with their values."""
    return [{"name": name, "value": value} for name, value in variables.items()]


def secret(variable: str, name: str, key: str) -> dict[str, Any]:
    """A variable that a Secret holds."""
    return {"name": variable, "valueFrom": {"secretKeyRef": {"name": name, "key": key}}}


def database(settings: Settings) -> tuple[str, str, str, str, str]:
    """Host, port, role, and the databases of runs and of users (chart 5.1.17)."""
    if settings.database == "external":
        return (
            *(settings.database_host, str(settings.database_port), settings.database_user),
            *(settings.database_name, settings.database_auth_name),
        )
    chart = values(settings)["postgresql"]
    auth, service = chart.get("auth", {}), chart["primary"].get("service", {})
    runs = str(auth.get("database", "bitnami_mlflow"))
    return (
        *(names.database(settings.release_name), str(service.get("ports", {}).get("postgresql", 5432))),
        *(str(auth.get("username", "bn_mlflow")), runs, f"{runs}_auth"),
    )


def database_login(settings: Settings) -> list[dict[str, Any]]:
    """The variables by which libpq signs in as MLflow's role, and the names of both databases."""
    host, port, user, runs, users = database(settings)
    key = settings.database_existing_secret_key
    if settings.database != "external":
        key = names.DATABASE_ADMIN_KEY if user == "postgres" else names.DATABASE_USER_KEY
    login = {"PGHOST": host, "PGPORT": port, "PGUSER": user, "RUNS_DATABASE": runs, "USERS_DATABASE": users}
    return [*plain(login), secret("PGPASSWORD", database_secret(settings), key)]


def store_login(settings: Settings) -> list[dict[str, Any]]:
    """What the server has to reach its S3 store: endpoint, keys, and the variables it is given besides."""
    env = plain({"MLFLOW_S3_ENDPOINT_URL": settings.s3_endpoint})
    if not settings.workload_identity:
        store = values(settings)["externalS3"]
        name = store["existingSecret"]
        env.append(secret("AWS_ACCESS_KEY_ID", name, store["existingSecretAccessKeyIDKey"]))
        env.append(secret("AWS_SECRET_ACCESS_KEY", name, store["existingSecretKeySecretKey"]))
    return [*env, *_server(settings).get("extraEnvVars", [])]


def server_login(settings: Settings) -> list[dict[str, Any]]:
    """What MLflow's client takes to ask the server as the administrator."""
    login = names.tracking(settings.release_name)
    return [
        *plain({"MLFLOW_TRACKING_URI": names.service_url(settings.release_name, settings.namespace)}),
        secret("MLFLOW_TRACKING_USERNAME", login, names.ADMIN_USER_KEY),
        secret("MLFLOW_TRACKING_PASSWORD", login, names.ADMIN_PASSWORD_KEY),
    ]
