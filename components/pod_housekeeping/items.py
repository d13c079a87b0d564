"""Runs and experiments that were deleted, and what became of them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


class HousekeepingError(Exception):
    """Something the person can act on; holds no secret."""


@dataclass(frozen=True)
class Location:
    """Where artifacts of `owner` are: a run, a logged model or a trace, by its id.

    `below` is the folder of its kind: `models`, `traces`, and none for runs.
    """

    uri: str
    owner: str
    below: str = ""


@dataclass(frozen=True)
class Item:
    """A run or an experiment, and when it was deleted in milliseconds since 1970."""

    kind: str
    id: str
    name: str
    experiment: str
    """Name of the experiment."""
    deleted: int
    locations: tuple[Location, ...]

    def __str__(self) -> str:
        """For a message."""
        return f"{self.kind} {self.id}"


@dataclass(frozen=True)
class Weight:
    """What a store holds: objects, and their bytes."""

    objects: int = 0
    bytes: int = 0

    def __add__(self, other: Weight) -> Weight:
        """Both together."""
        return Weight(self.objects + other.objects, self.bytes + other.bytes)


GOES, REMOVED, STAYS, FAILED = "goes", "removed", "stays", "failed"


@dataclass(frozen=True)
class Outcome:
    """What became of an item, or would: goes, removed, stays or failed, and why where it is still there.

    Without a weight the store was not asked.
    """

    item: Item
    what: str
    why: str = ""
    weight: Weight | None = None

    def as_json(self) -> dict[str, Any]:
        """One line of what is printed."""
        told = asdict(self.item)
        del told["locations"]
        counted = asdict(self.weight) if self.weight else {"objects": None, "bytes": None}
        return {**told, "what": self.what, "why": self.why, **counted}
