"""Helm values of fast authentication: the module, where the server finds it, and that it asks it."""

from __future__ import annotations

import hashlib
from typing import Any

from components import names
from components.pod_authentication import NAME
from components.settings import Settings
from components.values_kept import source

OVERFLOW = "MLFLOW_SQLALCHEMYSTORE_MAX_OVERFLOW"
FOLDER = "/opt/mlflow-fast-authentication"
"""Where the module is mounted, alone: on PYTHONPATH it comes before all other modules."""


_POOL = 5
"""Connections that a pool of a worker keeps; SQLAlchemy's own number, which MLflow 3.3.2 leaves."""


def _overflow(threads: int) -> str:
    """How many connections a pool may open besides: in all one more than a worker has threads.

    A batch of metrics holds one connection while it asks for a second (MLflow 3.3.2, `log_batch`). Where all
    are held so, nobody gets a second, and after 30 s all fail. SQLAlchemy's own number is 10, and it was the
    hashing, of as many logins at once, that kept threads from getting so far.
    """
    return str(max(10, threads + 1 - _POOL))


def fast_authentication(settings: Settings) -> dict[str, Any]:
    """MLflow's hook set to `pod_authentication.py`; pods start anew when that changes."""
    if not settings.fast_authentication:
        return {}
    text, name = source("pod_authentication.py"), names.own(settings.release_name, names.MODULE)
    module = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": settings.namespace},
        "data": {f"{NAME}.py": text},
    }
    return {
        "extraDeploy": [module],
        "tracking": {
            "auth": {"extraOverrides": {"authorization_function": f"{NAME}:authenticate_request"}},
            "extraEnvVars": [
                {"name": "PYTHONPATH", "value": FOLDER},
                {"name": OVERFLOW, "value": _overflow(settings.tracking_threads)},
            ],
            "extraVolumes": [{"name": names.MODULE, "configMap": {"name": name}}],
            "extraVolumeMounts": [{"name": names.MODULE, "mountPath": FOLDER, "readOnly": True}],
            "podAnnotations": {f"checksum/{names.MODULE}": hashlib.sha256(text.encode()).hexdigest()[:16]},
        },
    }
