"""Where two values of JSON differ, leaf by leaf, and how a leaf is shown without giving a secret away."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

ABSENT: Final = object()
"""There is no such key. None is a value: in Helm values it takes a key away."""

OURS, OTHER = "a value (not shown)", "another value (not shown)"
_LONGEST = 60
"""Characters of a value that are shown."""

_CONFIDENTIAL = {"args", "command", "data", "stringData", "binaryData", "annotations", "value"}
"""Keys of objects below which people put secrets; what stands there is compared and never shown."""
_SECRETIVE = re.compile(
    r"(?!.*(?:existing|secretName|secretRef))(?:.*(?:passw|secret|token|credential|accessKey))", re.I
)
"""Keys of Helm values that hold secrets where somebody gives them by hand; names of Secrets are none."""


@dataclass(frozen=True)
class Difference:
    """A leaf that differs; its path is written as `spec.containers[mlflow].image`."""

    path: tuple[str, ...]
    expected: Any
    found: Any

    def __str__(self) -> str:
        """The path as a person writes it."""
        return "".join(part if part.startswith("[") else f".{part}" for part in self.path).removeprefix(".")

    def shown(self) -> tuple[str | None, str | None]:
        """Both values as text; where a secret may stand, only that they differ."""
        if not any(part in _CONFIDENTIAL or _SECRETIVE.match(part) for part in self.path):
            return text(self.expected), text(self.found)
        if self.expected is ABSENT:
            return None, OURS
        return OURS, None if self.found is ABSENT else OTHER


def text(value: Any) -> str | None:
    """A value in one line, cut where it is long; None for what is not there. Of a map only the keys."""
    if value is ABSENT:
        return None
    if isinstance(value, Mapping):
        line = f"{{{', '.join(value)}}}"
    elif isinstance(value, list):
        line = f"[{', '.join(str(text(item)) for item in value)}]"
    else:
        line = value if isinstance(value, str) else json.dumps(value)
    line = " ".join(line.split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}..."


def differences(expected: Any, found: Any, path: tuple[str, ...] = ()) -> Iterator[Difference]:
    """Every leaf that differs. Lists of things with a `name` are compared name by name, in any order."""
    if isinstance(expected, Mapping) and isinstance(found, Mapping):
        for key in sorted({*expected, *found}):
            yield from differences(expected.get(key, ABSENT), found.get(key, ABSENT), (*path, key))
        return
    if isinstance(expected, list) and isinstance(found, list):
        ours, theirs = _keyed(expected), _keyed(found)
        if ours is not None and theirs is not None:
            for key in [*ours, *(key for key in theirs if key not in ours)]:
                yield from differences(ours.get(key, ABSENT), theirs.get(key, ABSENT), (*path, f"[{key}]"))
            return
        if len(expected) == len(found):
            for number, (one, other) in enumerate(zip(expected, found, strict=True)):
                yield from differences(one, other, (*path, f"[{number}]"))
            return
    # For Python true is 1, for everybody else it is not.
    if expected != found or isinstance(expected, bool) is not isinstance(found, bool):
        yield Difference(path, expected, found)


def _keyed(items: list[Any]) -> dict[str, Any] | None:
    """The items by their names, where all have one of their own."""
    if not all(isinstance(item, Mapping) and "name" in item for item in items):
        return None
    named = {str(item["name"]): item for item in items}
    return named if len(named) == len(items) else None
