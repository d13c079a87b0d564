"""One reading of a release and of what it stands on, as plain data: the rules of `ops.causes` judge it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Object = dict[str, Any]
"""An object as the Kubernetes API gives it."""


@dataclass(frozen=True)
class Answer:
    """What a store said when it was asked: `code` is its own word for what is wrong; empty: it works."""

    code: str
    message: str
    where: str


@dataclass(frozen=True)
class Snapshot:
    """The reading. An entry of `objects` that is missing was not read; `None` in it: no such kind."""

    namespace: str
    release: str
    objects: Mapping[str, Sequence[Object] | None] = field(default_factory=dict)
    logs: Mapping[str, str] = field(default_factory=dict)
    """Last lines by `pod/container`, of the run that failed where one did; secrets taken out."""
    denied: tuple[str, ...] = ()
    """What this person may not read."""
    answers: Mapping[str, Answer] = field(default_factory=dict)
    """What `store`, `database` and `users` (the second database) said."""
    engine: str = ""
    """What `pulumi` said when it failed; secrets taken out."""
    working: bool | None = False
    """Whether a `pulumi` works on the stack now; `None`: nobody knows."""
    now: str = ""
    """The cluster's time at the reading (ISO 8601): its own times are compared with that, not with ours."""
    forward: str = ""
    """Who has the port that should lead to the server; empty where nobody else does."""

    def all(self, what: str) -> Sequence[Object]:
        """The objects of a kind; none where they were not read."""
        return self.objects.get(what) or ()

    def knows(self, what: str) -> bool:
        """Whether a kind was read, so that what is not in it is not there."""
        return self.objects.get(what) is not None

    def events(self, about: Object, *reasons: str) -> list[Object]:
        """The events about an object, the latest last."""
        uid = about["metadata"]["uid"]
        found = [
            event
            for event in self.all("events")
            if event["involvedObject"].get("uid") == uid and (not reasons or event["reason"] in reasons)
        ]
        return sorted(found, key=_when)


def label(thing: Object, name: str) -> str:
    """A label of an object; empty where it has none of that name."""
    return str((thing["metadata"].get("labels") or {}).get(name, ""))


def annotation(thing: Object, name: str) -> str:
    """An annotation of an object; empty where it has none of that name."""
    return str((thing["metadata"].get("annotations") or {}).get(name, ""))


def _when(event: Object) -> str:
    series = event.get("series") or {}
    return str(series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime") or "")
