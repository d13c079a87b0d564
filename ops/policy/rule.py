"""What a rule is, and how a breach of it is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ops.policy.evidence import Evidence

Level = Literal["mandatory", "advisory", "disabled"]
"""What a breach does: it stops the update, it is told, or nobody looks."""


@dataclass(frozen=True)
class Breach:
    """A place where a rule is broken, and how it is mended. Nothing in it is secret: it goes into logs."""

    where: str
    found: str
    fix: str


@dataclass(frozen=True)
class Rule:
    """One thing that is asked of a stack.

    `options` is a JSON schema for each option of the rule by its name, defaults included. A rule for
    `production` is asked of stacks marked so, and of every stack where its option `everywhere` is true.
    """

    name: str
    asks: str
    check: Callable[[Evidence, Mapping[str, Any]], Iterable[Breach]]
    production: bool = False
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def schema(self) -> dict[str, Any]:
        """Its options, with the one that all rules for production have."""
        everywhere = {"everywhere": {"type": "boolean", "default": False}} if self.production else {}
        return {**everywhere, **self.options}
