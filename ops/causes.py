"""Why a stack does not come up: a cause, and how causes are ranked. The rules are in `ops/causes_*.py`.

A rule is a pure function from a snapshot and the stack's settings to the causes that it sees.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from ops.redact import redact
from ops.snapshot import Snapshot

Settings = Mapping[str, str]
"""A stack's plain settings, by key, as text."""
Rule = Callable[[Snapshot, Settings], Iterator["Cause"]]


_DOUBT = 20
"""What a doubtful cause is ranked down: below certain ones that are as near to the root, not below all."""

FAILS, WAITS = "container-fails", "not-ready-yet"
_SYMPTOMS = (FAILS, WAITS)


@dataclass(frozen=True)
class Cause:
    """One thing that is wrong."""

    name: str
    """Its fixed name, for programs."""
    rank: int
    """Nearer to the root of other causes: smaller."""
    what: str
    """One sentence."""
    fix: str
    """What to do, one command or sentence a line."""
    evidence: str = ""
    """Where it was seen: `kind/name: text`."""
    certain: bool = True
    """Whether waiting does not help."""
    blocks: bool = True
    """Whether `pulumi up` cannot end well while it stands."""
    mark: str = ""
    """Changes when it is seen anew: tells a fault of the last run from one of this."""
    patience: float = 4.0
    """Seconds for which it must stand before a run is stopped for it."""

    @property
    def key(self) -> tuple[str, str]:
        """The same for the same fault of the same object."""
        return self.name, self.evidence.partition(":")[0]


def ranked(found: Iterable[Cause]) -> list[Cause]:
    """The likeliest first, each name once with its best evidence, and no secret in any of it."""
    best: dict[str, Cause] = {}
    for cause in sorted(found, key=lambda cause: cause.rank + (0 if cause.certain else _DOUBT)):
        best.setdefault(cause.name, cause)
    return [replace(cause, evidence=shortened(redact(cause.evidence))) for cause in best.values()]


def shortened(text: str, longest: int = 400) -> str:
    """`text` on one line, with its middle cut out where it is long."""
    line = " ".join(text.split())
    half = (longest - 3) // 2
    return line if len(line) <= longest else f"{line[:half]}...{line[-half:]}"


def line_with(log: str, pattern: str) -> str:
    """The last line of a log that `pattern` matches, or nothing."""
    hits = [line for line in log.splitlines() if re.search(pattern, line)]
    return hits[-1].strip() if hits else ""


def last_line(log: str) -> str:
    """The last line of a log that says something."""
    lines = [line for line in log.splitlines() if line.strip()]
    return lines[-1].strip() if lines else ""


def seconds(since: str, until: str) -> float:
    """Seconds between two times of the cluster; 0 where one is not known."""
    if not since or not until:
        return 0.0
    return (datetime.fromisoformat(until) - datetime.fromisoformat(since)).total_seconds()


def all_rules() -> Iterator[Rule]:
    """Every rule, from the ground up."""
    from ops import (
        causes_access,
        causes_cluster,
        causes_containers,
        causes_database,
        causes_engine,
        causes_images,
        causes_network,
        causes_pods,
        causes_stores,
        causes_volumes,
    )

    for module in (
        *(causes_engine, causes_cluster, causes_volumes, causes_images),
        *(causes_pods, causes_containers, causes_database, causes_stores, causes_network, causes_access),
    ):
        yield from module.RULES


def of(snapshot: Snapshot, settings: Settings) -> list[Cause]:
    """All causes that a snapshot shows, ranked. That something fails is told where nothing says why."""
    found = ranked(cause for rule in all_rules() for cause in rule(snapshot, settings))
    explained = {cause.key[1] for cause in found if cause.name not in _SYMPTOMS}
    kept = [cause for cause in found if cause.name != FAILS or cause.key[1] not in explained]
    silent = not any(cause.blocks and cause.name != WAITS for cause in kept)
    return [cause for cause in kept if cause.name != WAITS or silent]
