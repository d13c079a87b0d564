"""How the values of a release differ from the program's."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from components.values import APPENDED
from ops.adoption.reading import Values


def beyond(own: Values, live: Values, *above: str) -> Iterator[tuple[list[str], Any]]:
    """Leaves of `live` that `own` has not, or has otherwise; of lists that are appended what is missing."""
    for key, value in live.items():
        path, ours = [*above, key], own.get(key)
        if isinstance(value, Mapping) and value:
            yield from beyond(ours if isinstance(ours, Mapping) else {}, value, *path)
        elif ".".join(path) in APPENDED and isinstance(ours, list):
            if more := [item for item in value if item not in ours]:
                yield path, more
        elif text_of(ours) != text_of(value) and value != {}:
            yield path, value


def difference(own: Values, live: Values, defaults: Values) -> dict[str, Any]:
    """The JSON merge patch (RFC 7386) after which the chart gets of `own` what it gets of `live`.

    What only writes out a default of the chart is left as it is: so the settings behind it keep their effect.
    `live` holds no null.
    """
    patch: dict[str, Any] = {}
    for key in sorted({*own, *live}):
        ours, there, default = own.get(key), live.get(key), defaults.get(key)
        inside = default if isinstance(default, Mapping) else {}
        if isinstance(ours, Mapping) and isinstance(there if key in live else inside or None, Mapping):
            if below := difference(ours, there or {}, inside):
                patch[key] = below
        elif key in live:
            if key not in own or text_of(ours) != text_of(there):
                patch[key] = there
        elif key not in defaults or text_of(ours) != text_of(default):
            patch[key] = None
    return patch


def text_of(value: Any) -> str:
    """Equal for equal values alone: to Python 1 is True."""
    return json.dumps(value, sort_keys=True)
