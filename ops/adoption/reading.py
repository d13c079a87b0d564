"""How the values of a release are looked into."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Values = Mapping[str, Any]
Pairs = Iterator[tuple[str, Any]]
"""Keys of settings with their values; None is the setting's default."""


def at(values: Values, path: str, default: Any = None) -> Any:
    """The value at a dotted path, or `default` where nothing is given."""
    found: Any = values
    for key in path.split("."):
        found = found.get(key) if isinstance(found, Mapping) else None
    return default if found is None else found
