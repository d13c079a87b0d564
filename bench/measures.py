"""How each figure is measured."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from rich.markup import escape

from bench import against_helm, authentication, cold, ingress, patience, replicas
from bench.figures import Name, Reading, repeated
from bench.machine import Machine, SkippedError, make, second_up
from bench.programs import FAILURES, BenchError
from lab import api
from ops.console import err

AGAIN_RUNS = 3
PREVIEW_PAIRS = 7
INSTALL_PAIRS = 3


def read(name: Name, machine: Machine, pairs: int | None) -> Reading:
    """One figure; what went wrong is its reading, so that the others are measured all the same."""
    try:
        reading = MEASURES[name](machine, pairs)
        if reading.value is not None and not math.isfinite(reading.value):
            raise BenchError(f"no number: {reading.note}")
        return reading
    except SkippedError as reason:
        return Reading(name, None, str(reason), skipped=True)
    except FAILURES as error:
        err.print(f"[red]{name}:[/red] {escape(str(error))}")
        return Reading(name, None, str(error).splitlines()[0])


def _test_fast(_: Machine, __: int | None) -> Reading:
    done = make("test-fast", "make test-fast")
    passed = sum(int(count) for count in re.findall(r"(\d+) passed", done.output))
    return Reading(Name.TEST_FAST, done.seconds, f"{passed} passed")


def _malformed(_: Machine, __: int | None) -> Reading:
    from tests.unit.wrong import CASES

    return Reading(Name.MALFORMED, len(CASES), "each refused, says make test-fast")


def _cold(machine: Machine, _: int | None) -> Reading:
    with machine.set_aside():
        return cold.up()


def _up(machine: Machine, _: int | None) -> Reading:
    return Reading(Name.UP, machine.first_up().seconds)


def _again(machine: Machine, _: int | None) -> Reading:
    machine.need_up()
    return repeated(Name.AGAIN, [second_up().seconds for _ in range(AGAIN_RUNS)])


def _memory(machine: Machine, _: int | None) -> Reading:
    machine.need_up()
    parts = {part: memory / 2**30 for part, _, memory in api.status()}
    pods = parts["pods and their shims"]
    return Reading(Name.MEMORY, sum(parts.values()), f"of it {pods:.2f} GiB in pods; shared pages once")


def _preview(machine: Machine, pairs: int | None) -> Reading:
    machine.need_up()
    return against_helm.preview(pairs or PREVIEW_PAIRS)


def _install(machine: Machine, pairs: int | None) -> Reading:
    machine.need_up()
    return against_helm.install(pairs or INSTALL_PAIRS)


def _deployed(measure: Callable[[], Reading]) -> Callable[[Machine, int | None], Reading]:
    """A measurement that needs the lab and nothing else."""

    def measured(machine: Machine, _: int | None) -> Reading:
        machine.need_up()
        return measure()

    return measured


MEASURES: dict[Name, Callable[[Machine, int | None], Reading]] = {
    Name.TEST_FAST: _test_fast,
    Name.MALFORMED: _malformed,
    Name.COLD: _cold,
    Name.UP: _up,
    Name.AGAIN: _again,
    Name.MEMORY: _memory,
    Name.PREVIEW: _preview,
    Name.INSTALL: _install,
    Name.AUTHENTICATION: _deployed(lambda: authentication.reading(Name.AUTHENTICATION, authentication.SLOW)),
    Name.SERVING: _deployed(lambda: authentication.reading(Name.SERVING, authentication.CHART)),
    Name.INGRESS: _deployed(ingress.overhead),
    Name.MANY: _deployed(ingress.many),
    Name.BIG: _deployed(ingress.big_artifact),
    Name.SLOW: _deployed(patience.reading),
    Name.ROLL: _deployed(replicas.reading),
}
