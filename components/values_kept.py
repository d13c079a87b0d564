"""Helm values by which a database that was kept works with the Secrets of today, and what must be kept is.

A stack that comes back makes new passwords; its database may be older. So the Secrets are the truth whenever
a pod starts: the database's roles and MLflow's administrator get their passwords.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from components.settings import Settings

_KEEP = {"helm.sh/resource-policy": "keep"}
"""Helm leaves such an object in place when it uninstalls, and takes it over when it installs again."""


def kept(settings: Settings) -> dict[str, Any]:
    """What runs when pods start, and the claim that outlives the release with the database's."""
    login = {"exec": {"command": ["python", "-c", source("pod_login.py")]}}
    tracking: dict[str, Any] = {"lifecycleHooks": {"postStart": login}}
    if settings.artifact_store == "volume":
        tracking["persistence"] = {"annotations": _KEEP}
    if settings.database == "external":
        return {"tracking": tracking}
    scripts = {"passwords.sh": source("pod_passwords.sh")}
    return {"tracking": tracking, "postgresql": {"primary": {"preInitDb": {"scripts": scripts}}}}


def source(name: str) -> str:
    """The text of a program that runs in a pod. The chart would evaluate templates in it: it holds none."""
    return (Path(__file__).parent / name).read_text()
