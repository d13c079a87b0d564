"""Pods that back up and restore: pure functions from settings, no secret in what they give.

Two images that the stack runs anyway: the database's has `pg_dump`, the server's has the client of the store.
They share a folder; what one leaves there the next one goes on with.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components import names
from components.settings import Settings
from components.settings.images import reference
from components.values import values
from components.values_server import database_secret

WORK = "/work"
PROGRAM = "/program"
PATIENCE = 600
"""Seconds that a restore waits for the server to be stopped."""
_SOURCES = Path(__file__).parent / "pod_backup"
_PACKAGE = "components/pod_backup"
_SHELL = "database.sh"
_USER = 1001
"""The user of Bitnami's images, as the chart's pods have it (5.1.17)."""


def program() -> dict[str, str]:
    """The files that run in the pods, by name: the data of a ConfigMap."""
    files = sorted(file for file in _SOURCES.iterdir() if file.suffix in (".py", ".sh"))
    return {file.name: file.read_text() for file in files}


def selector(settings: Settings) -> dict[str, str]:
    """Labels that these pods have and no others."""
    own = names.backup(settings.release_name)
    return {"app.kubernetes.io/name": "mlflow-backup", "app.kubernetes.io/instance": own}


def labels(settings: Settings) -> dict[str, str]:
    """Labels of the pods: none of the release's; and the one by which the sub-chart's policy knows clients.

    A pod of theirs that fails is no pod of the server's, for drift and diagnosis either.
    """
    own = selector(settings)
    if settings.database == "external":
        return own
    return {**own, f"{names.database(settings.release_name)}-client": "true"}


def backup(settings: Settings, config_map: str) -> dict[str, Any]:
    """The pod template of a backup."""
    keep = {
        "BACKUP_KEEP": str(settings.backup_keep),
        "BACKUP_ARTIFACTS": str(settings.backup_artifacts).lower(),
    }
    dump = _postgresql(settings, "dump", {"BACKUP_BUCKET": settings.s3_bucket})
    return _template(settings, config_map, [dump], _mlflow(settings, "store", ["save"], keep))


def restore(settings: Settings, config_map: str, wanted: str, replace: bool) -> dict[str, Any]:
    """The pod template of a restore of the backup `wanted`, into a target that is empty or to be replaced.

    Its last container waits for a file `go`, and that is when the server is stopped.
    """
    given_up = {"REPLACE": str(replace).lower(), "PATIENCE": str(PATIENCE)}
    steps = [
        _mlflow(settings, "fetch", ["fetch", wanted]),
        _postgresql(settings, "check", given_up),
        _mlflow(settings, "artifacts", ["artifacts"]),
    ]
    return _template(settings, config_map, steps, _postgresql(settings, "restore", given_up))


def _template(
    settings: Settings, config_map: str, steps: list[dict[str, Any]], last: dict[str, Any]
) -> dict[str, Any]:
    """A pod that conforms to the security standard `restricted`, and has no token of the API server."""
    tracking = values(settings)["tracking"]
    items = [{"key": file, "path": file if file == _SHELL else f"{_PACKAGE}/{file}"} for file in program()]
    volumes = [
        {"name": "program", "configMap": {"name": config_map, "items": items}},
        {"name": "work", "emptyDir": {}},
        {"name": "tmp", "emptyDir": {}},
        *tracking.get("extraVolumes", []),
    ]
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
        "initContainers": steps,
        "containers": [last],
        "volumes": volumes,
        **{key: tracking[key] for key in ("nodeSelector", "tolerations") if key in tracking},
    }
    if settings.image_pull_secrets:
        spec["imagePullSecrets"] = [{"name": name} for name in settings.image_pull_secrets]
    return {"metadata": {"labels": labels(settings)}, "spec": spec}


def _account(settings: Settings, tracking: Mapping[str, Any]) -> str:
    """The server's own service account: with workload identity the store knows no other."""
    account = tracking.get("serviceAccount", {})
    own = names.tracking(settings.release_name) if account.get("create", True) else "default"
    return str(account.get("name") or own)


def _container(
    settings: Settings, image: str, name: str, command: list[str], env: list[dict[str, Any]]
) -> dict[str, Any]:
    return {
        "name": name,
        "image": reference(settings, image),
        "command": command,
        "env": env,
        "resources": settings.backup_resources,
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": "program", "mountPath": PROGRAM, "readOnly": True},
            {"name": "work", "mountPath": WORK},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - in the container, a volume of the pod's own
        ],
    }


def _plain(variables: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"name": name, "value": value} for name, value in variables.items()]


def _secret(variable: str, secret: str, key: str) -> dict[str, Any]:
    return {"name": variable, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}


def _postgresql(settings: Settings, what: str, variables: Mapping[str, str]) -> dict[str, Any]:
    """A container of the database's image that runs `database.sh WHAT`, signed in as MLflow's role."""
    host, port, user, runs, users = database(settings)
    key = settings.database_existing_secret_key
    if settings.database != "external":
        key = names.DATABASE_ADMIN_KEY if user == "postgres" else names.DATABASE_USER_KEY
    login = {"PGHOST": host, "PGPORT": port, "PGUSER": user}
    own = {"WORK": WORK, "HOME": "/tmp", "RUNS_DATABASE": runs, "USERS_DATABASE": users}  # noqa: S108
    env = [*_plain({**login, **own, **variables}), _secret("PGPASSWORD", database_secret(settings), key)]
    return _container(settings, "image_postgresql", what, ["bash", f"{PROGRAM}/{_SHELL}", what], env)


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


def _mlflow(
    settings: Settings, name: str, arguments: list[str], variables: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """A container of the server's image that reaches the store as the server does."""
    chart = values(settings)
    store, tracking = chart["externalS3"], chart["tracking"]
    own = {
        "PYTHONPATH": PROGRAM,
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": "/tmp",  # noqa: S108 - in the container
        "MLFLOW_S3_ENDPOINT_URL": settings.s3_endpoint,
        "BACKUP_BUCKET": settings.s3_bucket,
        "BACKUP_PREFIX": settings.backup_prefix,
        "BACKUP_NAMESPACE": settings.namespace,
        "BACKUP_RELEASE": settings.release_name,
        "BACKUP_WORK": WORK,
    }
    env = [*_plain({**own, **(variables or {})})]
    if not settings.workload_identity:
        secret = store["existingSecret"]
        env.append(_secret("AWS_ACCESS_KEY_ID", secret, store["existingSecretAccessKeyIDKey"]))
        env.append(_secret("AWS_SECRET_ACCESS_KEY", secret, store["existingSecretKeySecretKey"]))
    env += tracking.get("extraEnvVars", [])
    command = ["python", "-m", "components.pod_backup", *arguments]
    made = _container(settings, "image_mlflow", name, command, env)
    made["volumeMounts"] += tracking.get("extraVolumeMounts", [])
    return made
