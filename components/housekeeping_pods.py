"""Pods of housekeeping: a pure function from settings, no secret in what it gives.

They run the server's own image, for MLflow's own tables and its client of the store, and ask the database and
S3 themselves, with what the server has. So they need neither the server nor the administrator's password,
count what is kept, and see each object's refusal (which the server ignores, MLflow 3.3.2). Other stores are
reached through the server: only it has the volume, or the identity that they know.
"""

from __future__ import annotations

from typing import Any

from components import job_pods, names, pod_programs
from components.settings import Settings
from components.settings.durations import milliseconds
from components.values_stores import artifact_root

CONTAINER = "gc"
_PACKAGE = "pod_housekeeping"


def program() -> dict[str, str]:
    """The files that run in the pods, by name: the data of a ConfigMap."""
    return pod_programs.files(_PACKAGE)


def selector(release: str) -> dict[str, str]:
    """Labels that these pods have and no others."""
    return job_pods.selector("mlflow-housekeeping", names.housekeeping(release))


def labels(settings: Settings) -> dict[str, str]:
    """Labels of the pods."""
    through = {} if settings.artifact_store == "s3" else job_pods.client_of_server(settings)
    return {**selector(settings.release_name), **job_pods.client_of_database(settings), **through}


def template(
    settings: Settings, config_map: str, what: str = "remove", before: int | None = None
) -> dict[str, Any]:
    """The pod template; `what` is "remove" or "list".

    What was deleted up to `before` goes (milliseconds since 1970); without it, what was deleted longer ago
    than the settings say.
    """
    own = {"HOUSEKEEPING_OLDER_THAN": str(milliseconds(settings.housekeeping_older_than))}
    if before is not None:
        own["HOUSEKEEPING_BEFORE"] = str(before)
    if settings.artifact_store == "s3":
        own["HOUSEKEEPING_STORE"] = artifact_root(settings)
        login = job_pods.store_login(settings)
    else:
        login = job_pods.server_login(settings)
    env = pod_programs.environment(login, job_pods.database_login(settings), [_restore(settings)], **own)
    made = job_pods.container(
        settings,
        "image_mlflow",
        CONTAINER,
        pod_programs.command(_PACKAGE, what),
        env,
        settings.housekeeping_resources,
    )
    made["volumeMounts"].append(pod_programs.MOUNT)
    return job_pods.template(settings, labels(settings), [made], [pod_programs.volume(_PACKAGE, config_map)])


def _restore(settings: Settings) -> dict[str, Any]:
    """Set while a restore is under way: what it brings back is not to be judged by what it replaces."""
    there = {"name": names.restore(settings.release_name), "key": names.UNDER_WAY, "optional": True}
    return {"name": "HOUSEKEEPING_RESTORE", "valueFrom": {"configMapKeyRef": there}}
