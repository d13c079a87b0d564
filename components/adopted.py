"""What a release that Helm made by hand has otherwise than the program would give it, kept until taken over.

`make adopt` writes it into `adoptedValues`: so the stack's release is the one in the cluster, value for
value, and adopting it needs no revision.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from components.settings import Settings
from components.settings.chart_names import joined
from components.settings.model import KEYS, about, default_of, is_given
from components.values import missing, own_values, values

_NOTE = (
    "no effect yet: {}; adoptedValues keeps the release there as Helm left it. One value is taken over by"
    " `pulumi config rm --path adoptedValues.PATH`, all by `pulumi config rm adoptedValues`"
)


def note(settings: Settings) -> str:
    """Names the settings that are given and change nothing, as `adoptedValues` holds what they would set.

    Empty where there are none. A value that nothing reads is no mistake here, as everywhere else it is: the
    settings of an adopted release say what it will be.
    """
    if not settings.adopted_values:
        return ""
    extra = missing(settings.extra_values, values(settings))
    held = [*_settings(settings), *(f"extraValues.{path}" for path in extra)]
    return _NOTE.format(", ".join(held)) if held else ""


def _settings(settings: Settings) -> Iterator[str]:
    for key, name in KEYS.items():
        if name in ("adopted_values", "extra_values") or about(name).secret or not is_given(settings, name):
            continue
        without = settings.model_copy(update={name: default_of(name)})
        with_it, before = own_values(settings), own_values(without)
        if with_it != before and values(without) == values(settings):
            yield f"{key} ({', '.join(_hiding(settings.adopted_values, with_it, before, ''))})"


def _hiding(patch: Any, one: Any, other: Any, path: str) -> Iterator[str]:
    """Paths of a patch where two sets of values differ."""
    if not isinstance(patch, Mapping):
        yield path
        return
    for key, value in patch.items():
        here, there = (side.get(key) if isinstance(side, Mapping) else None for side in (one, other))
        if here != there:
            yield from _hiding(value, here, there, joined(path, key))
