"""What the last resort, `extraValues`, may not touch: all that the program guarantees."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from components.settings.chart_names import joined, unknown
from components.settings.findings import Finding, wrong
from components.settings.guarded import ALLOWED, LISTS, OWN_ARGS, OWN_ENV, REFUSED
from components.settings.model import Settings, key_of

_SECRET = re.compile(r"(?i)(password|passwd|token|bindpw|(secret|access|api)_?key|connection_?string)$")
_SECRET_NAME = re.compile(rf"{_SECRET.pattern[:-2]}|secret|credentials?)$")
_SECRET_URL = re.compile(r"://[^/\s:@]*:(?!\$\()[^/\s@]+@")
"""A URL with a password in it; `$(VARIABLE)` in its place is none."""
_MORE_SECRETS = ("accessKeySecret", "clientSecret")
"""Secrets among the chart's own stores; `extraValues` does not reach these."""


def leaves(value: object, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every leaf of nested maps and lists with its path, `tracking.extraEnvVars[0].name`; empty ones too."""
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from leaves(item, joined(path, str(key)))
    elif isinstance(value, list) and value:
        for index, item in enumerate(value):
            yield from leaves(item, f"{path}[{index}]")
    else:
        yield path, value


def _why_not(path: str, value: Any) -> str:
    """Why this leaf is refused, or an empty text."""
    if path in ALLOWED:
        return ""
    for refused, why in REFUSED.items():
        if path == refused or path.startswith((f"{refused}.", f"{refused}[")):
            return why if why.startswith("use ") else f"nothing: {why}"
        if refused.startswith((f"{path}.", f"{path}[")) and value != {}:
            return "a map: anything else here would remove the program's own values"
    if (path in LISTS and value != []) or path.startswith(tuple(f"{listed}." for listed in LISTS)):
        return "a list: it is appended to the program's own"
    if value is None:
        return "no null: it would remove the chart's own value"
    return _not_in_values(path, value) or _not_on_lists(path, str(value))


def _not_in_values(path: str, value: Any) -> str:
    """Why this leaf would be a secret that Helm keeps in plain text, or an empty text."""
    return "no secret in values: put it in a Secret and refer to it" if _is_secret(path, value) else ""


def _is_secret(path: str, value: Any) -> bool:
    named = _SECRET.search(path.rsplit(".", 1)[-1])
    return bool(isinstance(value, str) and value and (named or _SECRET_URL.search(value)))


def plain_secrets(values: Mapping[str, Any]) -> Iterator[str]:
    """Paths of what is a secret in plain text, in all values that a release may have (chart 5.1.17)."""
    variables = set(_plain_variables(values))
    for path, value in leaves(values):
        name = path.rsplit(".", 1)[-1]
        refers = name.startswith("existing") or name == "clientSecretKey"
        given = isinstance(value, str) and value != ""
        if path in variables or (_is_secret(path, value) and not refers) or (given and name in _MORE_SECRETS):
            yield path


def _not_on_lists(path: str, text: str) -> str:
    """Why this argument or variable is refused, or an empty text."""
    argument = path.startswith("tracking.extraArgs[")
    variable = path.startswith("tracking.extraEnvVars[") and path.endswith(".name")
    if (argument or variable) and "{{" in text:
        return "no template: its result cannot be checked"
    if argument and (text.split("=")[0] in OWN_ARGS or text[:2] in OWN_ARGS):
        return f"none of the arguments that the program sets: {', '.join(OWN_ARGS)}"
    if variable and text in OWN_ENV:
        return f"none of the variables that the chart sets: {', '.join(OWN_ENV)}"
    return ""


def _plain_variables(values: Mapping[str, Any]) -> Iterator[str]:
    """Paths of environment variables with a secret's name and a plain value."""
    for path, value in leaves(values):
        holder, _, leaf = path.rpartition(".")
        if leaf == "name" and _SECRET_NAME.search(str(value)):
            yield f"{holder}.value"


def extra_values(settings: Settings) -> Iterator[Finding]:
    """Every leaf of `extraValues` that would break a guarantee, and every name that the chart has not."""
    values = settings.extra_values
    mistyped = dict(unknown(values, settings.chart_version))
    plain = set(_plain_variables(values))
    for path, near in mistyped.items():
        accepted = f"a value of the chart{f'; did you mean {near}?' if near else ''}"
        yield _refused(settings, path, accepted, "chart_version")
    for path, value in leaves(values):
        if not path or any(path == name or path.startswith((f"{name}.", f"{name}[")) for name in mistyped):
            continue
        why = "no secret in values: use valueFrom.secretKeyRef" if path in plain else _why_not(path, value)
        if why:
            yield _refused(settings, path, why)


def search_path(settings: Settings) -> Iterator[Finding]:
    """The hook's modules are found by PYTHONPATH, and of two variables the last one counts."""
    on = [name for name in ("fast_authentication", "strict_permissions") if getattr(settings, name)]
    if not on:
        return
    for path, value in leaves(settings.extra_values):
        if path.startswith("tracking.extraEnvVars[") and path.endswith(".name") and value == "PYTHONPATH":
            yield _refused(settings, path, f"no other PYTHONPATH while {key_of(on[0])} is true", *on)


def _refused(settings: Settings, path: str, accepted: str, *others: str) -> Finding:
    inside = f"extraValues{'' if path.startswith('[') else '.'}{path}"
    fix = "pulumi config rm --path '{}'".format(inside.replace("'", "'\"'\"'"))
    return wrong(settings, "extra_values", accepted, fix, *others, what=path)
