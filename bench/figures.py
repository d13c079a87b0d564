"""The promised figures, their bars, and what is said of a measurement: no clock and no cluster here."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from rich.markup import escape
from rich.table import Table


class Name(StrEnum):
    """What `--only` takes, in the order of measuring."""

    TEST_FAST = "test-fast"
    MALFORMED = "malformed"
    COLD = "cold"
    UP = "up"
    AGAIN = "again"
    MEMORY = "memory"
    PREVIEW = "preview"
    INSTALL = "install"
    AUTHENTICATION = "authentication"
    SERVING = "serving"
    INGRESS = "ingress"
    MANY = "many"
    BIG = "big"
    SLOW = "slow"
    ROLL = "roll"


@dataclass(frozen=True)
class Bar:
    """What is measured, in which unit, and the most (or the least) that it may be."""

    what: str
    limit: float
    unit: str
    least: bool = False

    def __str__(self) -> str:
        """As a person writes it."""
        return f"{'>=' if self.least else '<='} {self.limit:g} {self.unit}".rstrip()

    def holds(self, value: float) -> bool:
        """Whether `value` (in the bar's unit) is good enough; what is endless or no number never is."""
        if not math.isfinite(value):
            return False
        return value >= self.limit if self.least else value <= self.limit


BARS = {
    Name.TEST_FAST: Bar("make test-fast", 20, "s"),
    Name.MALFORMED: Bar("malformed configurations tried", 60, "", least=True),
    Name.COLD: Bar("make up, empty caches", 25, "min"),
    Name.UP: Bar("make up, caches warm, no lab running", 120, "s"),
    Name.AGAIN: Bar("make up again, nothing to do", 10, "s"),
    Name.MEMORY: Bar("memory of the lab with MLflow running", 3, "GiB"),
    Name.PREVIEW: Bar("nothing to change: pulumi preview / helm upgrade", 1.5, "x"),
    Name.INSTALL: Bar("from nothing to a login: pulumi up / helm", 0.5, "x"),
    Name.AUTHENTICATION: Bar("runs/s with fast authentication / without it", 12, "x", least=True),
    Name.SERVING: Bar("runs/s of a stack / of the chart's defaults", 25, "x", least=True),
    Name.INGRESS: Bar("a run through the ingress / past it, p50", 1.3, "x"),
    Name.MANY: Bar("failed runs of 100 clients in a minute", 0, ""),
    Name.BIG: Bar("memory that an artifact of 2 GiB takes", 256, "MiB"),
    Name.SLOW: Bar("/health beside 50 slow uploads and 20 clients, p99", 100, "ms"),
    Name.ROLL: Bar("failed runs while a pod ends and an upgrade rolls", 0, ""),
}


@dataclass(frozen=True)
class Reading:
    """One figure: its value in the bar's unit (`None`: not measured), and how it came about."""

    name: Name
    value: float | None
    note: str = ""
    skipped: bool = False

    @property
    def bar(self) -> Bar:
        """What it is held to."""
        return BARS[self.name]

    @property
    def holds(self) -> bool | None:
        """Whether it is good enough; `None` when it was skipped. What failed does not hold."""
        if self.skipped:
            return None
        return self.value is not None and self.bar.holds(self.value)

    @property
    def shown(self) -> str:
        """The value with its unit."""
        if self.value is None:
            return "skipped" if self.skipped else "failed"
        number = f"{self.value:.0f}" if self.value >= 100 or not self.bar.unit else f"{self.value:.2f}"
        return f"{number} {self.bar.unit}".rstrip()


@dataclass(frozen=True)
class Pair:
    """The same thing done by Pulumi and by Helm, one right after the other; seconds."""

    pulumi: float
    helm: float

    @property
    def ratio(self) -> float:
        """How many times as long Pulumi took."""
        return self.pulumi / self.helm


def compared(name: Name, pairs: Sequence[Pair]) -> Reading:
    """The median of the pairs' ratios; the note has the medians of both sides and each ratio."""
    pulumi, helm = (
        statistics.median(side) for side in zip(*((p.pulumi, p.helm) for p in pairs), strict=True)
    )
    each = " ".join(f"{pair.ratio:.2f}" for pair in pairs)
    note = f"Pulumi {pulumi:.2f} s, Helm {helm:.2f} s; ratios {each}"
    return Reading(name, statistics.median(pair.ratio for pair in pairs), note)


def repeated(name: Name, seconds: Sequence[float]) -> Reading:
    """The median of several runs; the note has each."""
    each = " ".join(f"{one:.1f}" for one in seconds)
    return Reading(name, statistics.median(seconds), f"median of {each}")


def good(readings: Sequence[Reading]) -> bool:
    """Whether all that was measured holds."""
    return all(reading.holds is not False for reading in readings)


def table(readings: Sequence[Reading]) -> Table:
    """For people."""
    marks = {True: "[green]yes[/green]", False: "[red]NO[/red]", None: "-"}
    shown = Table("figure", "measured", "bar", "holds", "how", box=None, pad_edge=False)
    for reading in readings:
        bar = reading.bar
        shown.add_row(bar.what, reading.shown, str(bar), marks[reading.holds], escape(reading.note))
    return shown


def as_json(readings: Sequence[Reading]) -> dict[str, Any]:
    """For programs."""
    figures = [
        {
            "name": reading.name,
            "value": reading.value,
            **asdict(reading.bar),
            "holds": reading.holds,
            "skipped": reading.skipped,
            "note": reading.note,
        }
        for reading in readings
    ]
    return {"figures": figures, "good": good(readings)}
