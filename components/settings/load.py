"""From configuration texts to valid settings: every mistake is found, and all are told at once."""

from __future__ import annotations

import difflib
import json
import shlex
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import pulumi
from pydantic import ValidationError

from components.settings import (
    adopted_rules,
    backup_rules,
    extra,
    housekeeping_rules,
    rules,
    server_rules,
    store_rules,
)
from components.settings.mistakes import Mistake, WrongSettings, shown
from components.settings.model import KEYS, Settings, about, key_of, remove_command, set_command

_RULES = (
    rules.cluster,
    rules.ingress,
    rules.network,
    store_rules.stores,
    rules.database,
    server_rules.volumes,
    server_rules.server,
    rules.metrics,
    backup_rules.backup,
    housekeeping_rules.housekeeping,
    extra.extra_values,
    extra.search_path,
    adopted_rules.adopted_values,
)


_HIDDEN = {
    "adopted_values": "something that is not a map",
    "extra_values": "something that is not a map",
    "chart_username": "something that is not a user name",
    "database_user": "something that is not a user name",
    "image_username": "something that is not a user name",
    "image_pull_secrets": "something that is not a list of names",
}
"""What is not shown where it is broken: a map may hold anything, and `user:password` is no user."""


def parse(given: Mapping[str, object], later: Mapping[str, pulumi.Output[str]] | None = None) -> Settings:
    """Settings from configuration keys and their values (texts as the engine hands them over, or typed).

    `later` holds secrets whose text is not known yet, by key; it is looked at when it is. Raises
    `WrongSettings` with all that is wrong.
    """
    return checked(given, (), later or {})


def checked(
    given: Mapping[str, object],
    mistakes: tuple[Mistake, ...],
    later: Mapping[str, pulumi.Output[str]] = MappingProxyType({}),
) -> Settings:
    """Like `parse`, with `mistakes` that were found before; their keys must not be in `given`."""
    found = [*mistakes, *(_unknown(key) for key in given if key not in KEYS)]
    known = {key: value for key, value in given.items() if key in KEYS}
    settings, wrong = _lenient(known)
    if later:
        looked = {KEYS[key]: text.apply(_well_formed(key)) for key, text in later.items()}
        settings = settings.with_later(looked)
    found += wrong
    silent = {KEYS[mistake.key] for mistake in found if mistake.key in KEYS}
    for rule in _RULES:
        found += (finding.mistake for finding in rule(settings) if not finding.fields & silent)
    if found:
        raise WrongSettings(found)
    return settings


def _well_formed(key: str) -> Callable[[str], str]:
    """Looks at the text of a secret once it is known. Raises `WrongSettings`."""

    def look(text: str) -> str:
        _, wrong = _lenient({key: text})
        if not text:
            wrong = [Mistake(key, "nothing", about(KEYS[key]).accepted, set_command(KEYS[key]))]
        if wrong:
            raise WrongSettings(wrong)
        return text

    return look


def _lenient(known: Mapping[str, object]) -> tuple[Settings, list[Mistake]]:
    """Settings from what is valid in itself (defaults for the rest), and a mistake for each of the rest."""
    try:
        return Settings.model_validate(known), []
    except ValidationError as error:
        causes: dict[str, str] = {}
        for item in error.errors(include_url=False, include_input=False):
            causes.setdefault(str(item["loc"][0]), _cause(item))
    good = {key: value for key, value in known.items() if key not in causes}
    bad = [_invalid(key, known[key], cause) for key, cause in causes.items()]
    return Settings.model_validate(good), bad


def _cause(item: Any) -> str:
    """What a validator said of a part of a value; empty where the key alone says enough."""
    raised = item.get("ctx", {}).get("error")
    if isinstance(raised, json.JSONDecodeError):
        return ""
    where = ".".join(str(part) for part in item["loc"][1:])
    return str(raised or "") or where


def _invalid(key: str, value: object, cause: str) -> Mistake:
    """A value that is wrong in itself."""
    name = KEYS[key]
    if about(name).secret:
        return Mistake(key, "a secret that is not well formed", about(name).accepted, set_command(name))
    what = (_HIDDEN.get(name) or shown(value)) + (f" ({cause})" if cause else "")
    return Mistake(key, what, about(name).accepted, set_command(name))


def _unknown(key: str) -> Mistake:
    """A key that no setting has, with the nearest that one has; its value may be a secret and stays out."""
    by_lower = {known.lower(): known for known in KEYS}
    near = [by_lower[match] for match in difflib.get_close_matches(key.lower(), by_lower, 1, 0.6)]
    accepted = (
        f"a known key; the nearest is {near[0]}" if near else "a known key; docs/configuration.md lists them"
    )
    return Mistake(key, "an unknown key", accepted, f"pulumi config rm {shlex.quote(key)}")


def secrecy(name: str, *, is_secret: bool) -> Iterator[Mistake]:
    """What is wrong with a value's being secret or not. `name` is a field's."""
    key = key_of(name)
    if about(name).secret and not is_secret:
        yield Mistake(key, "a plaintext value", "a Pulumi secret", set_command(name))
    if is_secret and not about(name).secret:
        fix = f"{remove_command(name)}, then {set_command(name)}"
        yield Mistake(
            key, "a Pulumi secret", f"plain: {about(name).accepted}; its value is visible in the release", fix
        )
