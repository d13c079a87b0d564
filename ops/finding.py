"""One thing that is not as the stack says; what `ops drift` reports and other commands ask for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """What differs. Nothing in it is secret: it goes into logs.

    `kind` is `settings`, `release`, `object`, `pod`, `image` or `certificate`. None for `expected` or `found`
    means that there is nothing.
    """

    kind: str
    what: str
    expected: str | None
    found: str | None
    fix: str
