"""Helm values of the server and its database: workers, resources, probes, volumes."""

from __future__ import annotations

from typing import Any

from components import names
from components.settings import Settings
from components.settings.server import SCRATCH_REQUEST

_SCRATCH = "ephemeral-storage"
_START = {"initialDelaySeconds": 0, "periodSeconds": 1, "successThreshold": 1}
"""A probe that looks every second, so that a start is seen when it happens."""


_END = "sleep 3; pkill -TERM --oldest --full -- '-m gunicorn'"
"""Ends the server in order, and at once: after the pause no service sends it new requests.

Process 1 is `mlflow server`, which hands no signal on (MLflow 3.3.2): left alone a pod takes the whole 30 s
that Kubernetes allows, and then dies with the requests that it was answering.
"""


def server(settings: Settings) -> dict[str, Any]:
    """The tracking server's pods."""
    tracking: dict[str, Any] = {
        "replicaCount": settings.tracking_replicas,
        "resources": _resources(settings),
        "extraArgs": _arguments(settings),
        "persistence": _volume(settings),
        "lifecycleHooks": {"preStop": {"exec": {"command": ["bash", "-ec", _END]}}},
        **_probes(),
        **({"runUpgradeDB": True} if settings.database_upgrade else {}),
    }
    if settings.has_tracking_volume and settings.tracking_volume_access_mode == "ReadWriteOnce":
        # A second pod could wait for the volume for ever while the first one waits for the second.
        tracking["updateStrategy"] = {"type": "Recreate"}
    if settings.autoscaling:
        tracking["autoscaling"] = {"hpa": _autoscaling(settings)}
    # The init containers that wait for database and store take their resources from `run` (chart 5.1.17).
    return {"tracking": tracking, "run": {"resources": settings.wait_resources}}


def _resources(settings: Settings) -> dict[str, dict[str, str]]:
    """The server's resources, with room for artifacts in flight.

    The room is a limit and no request: without a request of its own Kubernetes takes the limit for one, and
    no node with less free disk than that would get the pod.
    """
    given = settings.tracking_resources
    return {
        "requests": {_SCRATCH: SCRATCH_REQUEST, **given.get("requests", {})},
        "limits": {**given.get("limits", {}), _SCRATCH: settings.tracking_scratch_size},
    }


SLOW = 256
"""Clients that a worker waits for besides, in a thread each, where fast authentication bounds its work."""

KEEP_ALIVE = 95
"""Seconds that a connection is kept for a next request, longer than an ingress controller keeps its own
(nginx 60 s, Traefik 90 s): that is the first to close. With gunicorn's 2 s an upload could meet a closed one.
"""


def _arguments(settings: Settings) -> list[str]:
    """Threaded workers: one slow client holds a thread, not a worker. The last of equal options wins."""
    slow = SLOW if settings.fast_authentication else 0
    options = (
        f"--timeout={settings.tracking_worker_timeout}",
        "--worker-class=gthread",
        f"--threads={settings.tracking_threads + slow}",
        f"--keep-alive={KEEP_ALIVE}",
    )
    arguments = [f"--gunicorn-opts={' '.join(options)}", f"--workers={settings.tracking_workers}"]
    if settings.metrics:
        # The chart counts on the tracking volume: there pods would write over each other's counters.
        arguments.append("--expose-prometheus=/tmp/metrics")
    return arguments


def _probes() -> dict[str, Any]:
    """Started when `/health` answers, within 5 minutes; ready while TCP answers.

    `/health` needs no login (MLflow 3.3.2). Liveness keeps the chart's values and begins after the start,
    so a slow start is not killed.
    """
    health = {"httpGet": {"path": "/health", "port": "http"}, "timeoutSeconds": 5, "failureThreshold": 300}
    return {
        "customStartupProbe": {**_START, **health},
        "readinessProbe": {"enabled": True, **_START, "timeoutSeconds": 5, "failureThreshold": 10},
    }


def _volume(settings: Settings) -> dict[str, Any]:
    if not settings.has_tracking_volume:
        return {"enabled": False}
    storage_class = settings.tracking_volume_class or settings.storage_class
    return {
        "enabled": True,
        "size": settings.tracking_volume_size,
        "accessModes": [settings.tracking_volume_access_mode],
        **({"storageClass": storage_class} if storage_class else {}),
    }


def _autoscaling(settings: Settings) -> dict[str, Any]:
    """Numbers are texts: the chart's schema refuses anything else (5.1.17)."""
    numbers = {
        "minReplicas": settings.autoscaling_min,
        "maxReplicas": settings.autoscaling_max,
        "targetCPU": settings.autoscaling_cpu,
        "targetMemory": settings.autoscaling_memory,
    }
    return {"enabled": True, **{key: str(number) for key, number in numbers.items() if number}}


def database(settings: Settings) -> dict[str, Any]:
    """The sub-chart's database, or an external one; its password is in a Secret either way."""
    if settings.database == "external":
        return {
            "postgresql": {"enabled": False},
            "externalDatabase": {
                "host": settings.database_host,
                "port": settings.database_port,
                "user": settings.database_user,
                "database": settings.database_name,
                "authDatabase": settings.database_auth_name,
                "existingSecret": database_secret(settings),
                "existingSecretPasswordKey": settings.database_existing_secret_key,
            },
        }
    storage_class = settings.database_class or settings.storage_class
    persistence = {
        "size": settings.database_size,
        **({"storageClass": storage_class} if storage_class else {}),
    }
    primary = {
        "persistence": persistence,
        "resources": settings.database_resources,
        "startupProbe": {"enabled": True, **_START, "timeoutSeconds": 5, "failureThreshold": 600},
        # Each look starts a shell and pg_isready; once started, every 5 seconds is enough.
        "readinessProbe": {"enabled": True, **_START, "periodSeconds": 5, "failureThreshold": 6},
        "livenessProbe": {"enabled": True, "initialDelaySeconds": 0},
    }
    auth = {} if settings.kept_chart_secret else {"auth": {"existingSecret": database_secret(settings)}}
    return {"postgresql": {"enabled": True, "primary": primary, **auth}}


def database_secret(settings: Settings) -> str:
    """The Secret with the database's password."""
    return settings.database_existing_secret or names.own(settings.release_name, names.DATABASE_SECRET)
