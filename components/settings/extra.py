"""What the last resort, `extraValues`, may not touch: all that the program guarantees."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from components.settings.findings import Finding, wrong
from components.settings.guarded import REFUSED, TOP
from components.settings.model import Settings

_SECRET = re.compile(r"(?i)(password|passwd|token|bindpw|(secret|access|api)_?key|connection_?string)$")
_SECRET_NAME = re.compile(rf"{_SECRET.pattern[:-2]}|secret|credentials?)$")
_LISTS = ("tracking.extraArgs", "tracking.extraEnvVars")
_OWN_ENV = ("MLFLOW_AUTH_CONFIG_PATH", "MLFLOW_FLASK_SERVER_SECRET_KEY", "MLFLOW_DATABASE_PASSWORD")
_OWN_ARGS = ("--app-name", "--backend-store-uri", "--artifacts-destination", "--host", "--port", "-h", "-p")


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
    for refused, why in REFUSED.items():
        if path == refused or path.startswith((f"{refused}.", f"{refused}[")):
            return why
        if refused.startswith(f"{path}."):
            return "a map: anything else here would take the program's own values away"
    if (path in _LISTS and value != []) or path.startswith(tuple(f"{listed}." for listed in _LISTS)):
        return "a list: it is appended to the program's own"
    if value is None:
        return "no null: it would take the chart's own value away"
    leaf = path.rsplit(".", 1)[-1]
    if _SECRET.search(leaf) and isinstance(value, str) and value:
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
        if leaf == "name" and _SECRET_NAME.search(str(value)):
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
        if top not in TOP:
            near = difflib.get_close_matches(top, TOP, 1, 0.5)
            why = f"a value of the chart{f'; did you mean {near[0]}?' if near else ''}"
        elif path in plain:
            why = "no secret in values: use valueFrom.secretKeyRef"
        if why:
            fix = f"pulumi config rm --path 'extraValues.{path}'"
            yield wrong(settings, "extra_values", why, fix, what=path)
