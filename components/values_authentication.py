"""Helm values of the stack's own hook in the server: its modules, where the server finds them, that it asks.

Two hooks, each with a setting: `pod_authentication.py` (logins; with it come `pod_requests.py` and
`pod_artifacts.py`) and `pod_permissions/` (what a user may do).
"""

from __future__ import annotations

import hashlib
from typing import Any

from components import names
from components.pod_artifacts import NAME as ARTIFACTS
from components.pod_authentication import NAME as FAST
from components.pod_permissions import NAME as STRICT
from components.pod_requests import AT_ONCE
from components.pod_requests import NAME as REQUESTS
from components.settings import Settings
from components.values_kept import source

FOLDER = "/opt/mlflow-authentication"
"""Where the modules are mounted, alone: on PYTHONPATH it comes before all other modules."""
ANNOTATION = "default-permission"
_FAST = {FAST: "pod_authentication.py", REQUESTS: "pod_requests.py", ARTIFACTS: "pod_artifacts.py"}
_PERMISSIONS = ("__init__.py", "asked.py", "hook.py", "routes.py")

_TURNS = 4
"""Requests that a worker works on at once: more bring nothing, as Python runs one thread of them at a time.

A batch of metrics holds one connection to the database while it asks for a second (MLflow 3.3.2). Where all
15 that SQLAlchemy opens are held so, nobody gets one, and after 30 s all fail. And all workers of all pods
share the 100 that PostgreSQL has.
"""


def modules(settings: Settings) -> dict[str, str]:
    """The files in the folder, by their path in it; empty where MLflow's own checks are all."""
    fast = (
        {f"{name}.py": source(file) for name, file in _FAST.items()} if settings.fast_authentication else {}
    )
    strict = {f"{STRICT}/{name}": source(f"pod_permissions/{name}") for name in _PERMISSIONS}
    return {**fast, **(strict if settings.strict_permissions else {})}


def hooks(settings: Settings) -> dict[str, Any]:
    """MLflow's hook set to the stack's own; pods start anew when that changes."""
    files, name = modules(settings), names.own(settings.release_name, names.MODULE)
    if not files:
        return {}
    # A key of a ConfigMap has no slash.
    keys = {path: path.replace("/", ".") for path in files}
    config_map = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": settings.namespace},
        "data": {keys[path]: text for path, text in files.items()},
    }
    items = [{"key": key, "path": path} for path, key in keys.items()]
    asked = f"{STRICT}.hook" if settings.strict_permissions else FAST
    env = [{"name": "PYTHONPATH", "value": FOLDER}]
    if settings.fast_authentication:
        env.append({"name": AT_ONCE, "value": str(_TURNS)})
    digest = hashlib.sha256("".join(files.values()).encode()).hexdigest()
    return {
        "extraDeploy": [config_map],
        "tracking": {
            "auth": {"extraOverrides": {"authorization_function": f"{asked}:authenticate_request"}},
            "extraEnvVars": env,
            "extraVolumes": [{"name": names.MODULE, "configMap": {"name": name, "items": items}}],
            "extraVolumeMounts": [{"name": names.MODULE, "mountPath": FOLDER, "readOnly": True}],
            "podAnnotations": {f"checksum/{names.MODULE}": digest[:16]},
        },
    }


def users(settings: Settings) -> dict[str, Any]:
    """What a user may do with what others own, where nobody has said anything of it (MLflow 3.3.2: READ).

    Pods read it when they start, so they start anew.
    """
    if settings.default_permission == "READ":
        return {}
    chosen = settings.default_permission
    overrides = {"default_permission": chosen}
    return {"tracking": {"auth": {"extraOverrides": overrides}, "podAnnotations": {ANNOTATION: chosen}}}
