"""What `adoptedValues` may hold: all that a release had, but no secret and nothing that leads astray."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from components.settings.extra import leaves, plain_secrets
from components.settings.findings import Finding, wrong
from components.settings.guarded import ADOPTABLE, REFUSED
from components.settings.model import Settings

_IN_PLAIN = "no secret in values: put it in a Secret and refer to it"


def adopted_values(settings: Settings) -> Iterator[Finding]:
    """Every leaf of `adoptedValues` that breaks what the program needs."""
    for path, why in not_adoptable(settings.adopted_values).items():
        fix = "pulumi config rm --path '{}'".format(f"adoptedValues.{path}".replace("'", "'\"'\"'"))
        yield wrong(settings, "adopted_values", why, fix, what=path)


def not_adoptable(patch: Mapping[str, Any]) -> dict[str, str]:
    """Paths of a patch, or of all values of a release, that are refused, each with the reason."""
    found = dict.fromkeys(plain_secrets(patch), _IN_PLAIN)
    for path, value in leaves(patch):
        for guarded, needed in ADOPTABLE.items():
            if _touches(path, value, guarded) and value != needed:
                found.setdefault(path, _why(guarded))
    return found


def _touches(path: str, value: Any, guarded: str) -> bool:
    if value is None:
        # The chart's own default is what is needed, but for the second object store.
        return guarded == "minio.enabled" and path in ("minio", guarded)
    return path == guarded or path.startswith((f"{guarded}.", f"{guarded}["))


def _why(guarded: str) -> str:
    """What it must be, and the reason that `extraValues` has."""
    (why,) = (why for path, why in REFUSED.items() if f"{guarded}.".startswith(f"{path}."))
    return f"{json.dumps(ADOPTABLE[guarded])} ({why})"
