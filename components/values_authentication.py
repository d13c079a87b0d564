"""Helm values of fast authentication: the module, where the server finds it, and that it asks it."""

from __future__ import annotations

import hashlib
from typing import Any

from components import names
from components.pod_authentication import NAME
from components.settings import Settings
from components.values_kept import source

FOLDER = "/opt/mlflow-fast-authentication"
"""Where the module is mounted, alone: on PYTHONPATH it comes before all other modules."""


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
            "extraEnvVars": [{"name": "PYTHONPATH", "value": FOLDER}],
            "extraVolumes": [{"name": names.MODULE, "configMap": {"name": name}}],
            "extraVolumeMounts": [{"name": names.MODULE, "mountPath": FOLDER, "readOnly": True}],
            "podAnnotations": {f"checksum/{names.MODULE}": hashlib.sha256(text.encode()).hexdigest()[:16]},
        },
    }
