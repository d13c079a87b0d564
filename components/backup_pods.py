"""Pods that back up and restore: pure functions from settings, no secret in what they give.

Two images that the stack runs anyway: the database's has `pg_dump`, the server's has the client of the store.
They share a folder; what one leaves there the next one goes on with.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from components import job_pods, names, pod_programs
from components.settings import Settings

WORK = "/work"
PATIENCE = 600
"""Seconds that a restore waits for the server to be stopped."""
_PACKAGE = "pod_backup"
_SHELL = f"{pod_programs.FOLDER}/database.sh"


def program() -> dict[str, str]:
    """The files that run in the pods, by name: the data of a ConfigMap."""
    return pod_programs.files(_PACKAGE)


def selector(release: str) -> dict[str, str]:
    """Labels that these pods have and no others."""
    return job_pods.selector("mlflow-backup", names.backup(release))


def labels(settings: Settings) -> dict[str, str]:
    """Labels of the pods."""
    return {**selector(settings.release_name), **job_pods.client_of_database(settings)}


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
    volumes = [pod_programs.volume(_PACKAGE, config_map), {"name": "work", "emptyDir": {}}]
    return job_pods.template(settings, labels(settings), [*steps, last], volumes)


def _container(
    settings: Settings, image: str, name: str, command: list[str], env: list[dict[str, Any]]
) -> dict[str, Any]:
    made = job_pods.container(settings, image, name, command, env, settings.backup_resources)
    made["volumeMounts"] += [pod_programs.MOUNT, {"name": "work", "mountPath": WORK}]
    return made


def _postgresql(settings: Settings, what: str, variables: Mapping[str, str]) -> dict[str, Any]:
    """A container of the database's image that runs `database.sh WHAT`, signed in as MLflow's role."""
    env = [*job_pods.database_login(settings), *job_pods.plain({"WORK": WORK, **variables})]
    return _container(settings, "image_postgresql", what, ["bash", _SHELL, what], env)


def _mlflow(
    settings: Settings, name: str, arguments: list[str], variables: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """A container of the server's image that reaches the store as the server does."""
    own = {
        "BACKUP_BUCKET": settings.s3_bucket,
        "BACKUP_PREFIX": settings.backup_prefix,
        "BACKUP_NAMESPACE": settings.namespace,
        "BACKUP_RELEASE": settings.release_name,
        "BACKUP_WORK": WORK,
        **(variables or {}),
    }
    env = pod_programs.environment(job_pods.store_login(settings), **own)
    return _container(settings, "image_mlflow", name, pod_programs.command(_PACKAGE, *arguments), env)
