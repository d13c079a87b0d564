"""YAML as Helm reads it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML 1.1 (`0400` is octal), but a date stays the text that it is in JSON."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - the base class's own name
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def documents(text: str) -> Iterator[Any]:
    """The documents of a manifest, empty ones left out."""
    yield from filter(None, yaml.load_all(text, _Loader))


def mapping(text: str) -> dict[str, Any]:
    """One document that is a map, such as values; empty for an empty text."""
    return dict(next(documents(text), {}))


def dump(values: Any) -> str:
    """Values as people read them, keys in their order."""
    return yaml.safe_dump(values, sort_keys=False, width=10_000, allow_unicode=True)
