"""Through the ingress: what it costs a run, a hundred clients at once, artifacts that are big."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import httpx

from bench import big
from bench.big import GIB, There
from bench.by_hand import by_hand
from bench.clients import Met
from bench.figures import Name, Reading
from bench.programs import BenchError, once
from bench.published import Published, published
from ops import cluster
from ops.console import step

CLIENTS = 20
SECONDS = 10
PAIRS = 5
MANY, MINUTE = 100, 60
SIZE = 2 * GIB
TOGETHER = 3
"""Artifacts of that size at once."""

THROUGH, PAST, BY_HAND = "through the ingress", "past it", "`mlflow server` by hand"


@dataclass(frozen=True)
class Ways:
    """What `CLIENTS` clients met by each way in pairs, one right after the other; and many, for a minute."""

    pairs: Sequence[tuple[Met, Met]]
    by_hand: Met
    many: Met


@once
def ways() -> Ways:
    """All of it at one server, measured once."""
    with published() as made:
        pairs = [_pair(made, number) for number in range(PAIRS)]
        with by_hand(made) as url:
            hand = made.load(BY_HAND, url, CLIENTS, SECONDS)
        return Ways(pairs, hand, made.load(THROUGH, made.url, MANY, MINUTE))


def _pair(made: Published, number: int) -> tuple[Met, Met]:
    """Through the ingress and past it; who is first takes turns."""
    order = [(THROUGH, made.url), (PAST, made.service)]
    if number % 2:
        order.reverse()
    found = {
        way: made.load(f"{way}, pair {number + 1} of {PAIRS}", url, CLIENTS, SECONDS) for way, url in order
    }
    return found[THROUGH], found[PAST]


def overhead() -> Reading:
    """The median of the pairs' ratios of p50. Raises `BenchError` where a run failed."""
    found = ways()
    failed = sum(met.failed for pair in found.pairs for met in pair)
    if failed:
        raise BenchError(f"{failed} runs failed")
    ratios = [through.p50 / past.p50 for through, past in found.pairs]
    middle = [statistics.median(met.p50 for met in side) for side in zip(*found.pairs, strict=True)]
    note = f"{CLIENTS} clients: {middle[0]:.3f} s {THROUGH}, {middle[1]:.3f} s {PAST}; ratios "
    return Reading(
        Name.INGRESS, statistics.median(ratios), note + " ".join(f"{ratio:.2f}" for ratio in ratios)
    )


def many() -> Reading:
    """Failed runs of a hundred clients in a minute."""
    met = ways().many
    note = f"{met.made} runs, {met.rate:.1f}/s, p50 {met.p50:.2f} s, p95 {met.p95:.2f} s"
    return Reading(Name.MANY, met.failed, note)


@dataclass(frozen=True)
class Artifacts:
    """One artifact of `SIZE` there and back, with the bytes of memory that the server took; some at once."""

    one: There
    memory: int
    together: Sequence[There]


@once
def artifacts() -> Artifacts:
    """All of it at one server, measured once. Raises `BenchError` where one differs or a pod is gone."""
    with published() as made, made.client() as client:
        pods = set(made.pods())
        one, memory = artifact(made, client)
        with step(f"{TOGETHER} of them at once"):
            together = big.at_once(client, TOGETHER, SIZE)
        if not all(each.same for each in (one, *together)):
            raise BenchError("an artifact came back different")
        if set(made.pods()) != pods:
            raise BenchError(f"pod {next(iter(pods))} of the server is gone: it was evicted or has restarted")
        return Artifacts(one, memory, together)


def artifact(made: Published, client: httpx.Client) -> tuple[There, int]:
    """One of `SIZE` there and back; with it the bytes of memory that the server, of one pod, took."""
    api, (pod,) = cluster.connect(made.stack.config()), made.pods()
    with cluster.python_in_pod(api, made.namespace, pod, big.PEAK, big.TIMEOUT) as watched:
        with step(f"{SIZE // GIB} GiB there and back {THROUGH}"):
            there = big.there_and_back(client, "one.bin", SIZE)
        memory = watched()
    return there, memory["peak"] - memory["before"]


def big_artifact() -> Reading:
    """MiB of the server's memory that one artifact takes, there and back."""
    found = artifacts()
    note = f"up in {found.one.up:.0f} s, down in {found.one.down:.0f} s; {TOGETHER} at once: up in "
    note += f"{max(each.up for each in found.together):.0f} s, down in "
    note += f"{max(each.down for each in found.together):.0f} s"
    return Reading(Name.BIG, found.memory / big.MIB, note)


def section() -> str:
    """The ways to a server, for the report."""
    found = ways()
    rows = {
        way: _middle(side) for way, side in zip((THROUGH, PAST), zip(*found.pairs, strict=True), strict=True)
    }
    rows[f"{BY_HAND}, no login"] = found.by_hand
    rows[f"{THROUGH}, for {found.many.seconds:.0f} s"] = found.many
    lines = ["| way | clients | runs/s | p50 | p95 | failed |", "| --- | ---: | ---: | ---: | ---: | ---: |"]
    lines += [
        f"| {way} | {met.clients} | {met.rate:.1f} | {met.p50:.3f} s | {met.p95:.3f} s | {met.failed} |"
        for way, met in rows.items()
    ]
    return "\n".join(lines)


def _middle(side: Sequence[Met]) -> Met:
    """The median of each figure, and all that failed."""
    rate, p50, p95 = (
        statistics.median(getattr(met, part) for met in side) for part in ("rate", "p50", "p95")
    )
    return Met(CLIENTS, rate, p50, p95, sum(met.failed for met in side))


def section_of_artifacts() -> str:
    """The artifacts, for the report."""
    found = artifacts()
    size = SIZE / big.MIB
    lines = [
        "| artifacts of 2 GiB | up | down | MiB/s up | MiB/s down |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for what, several in (("one", [found.one]), (f"{TOGETHER} at once", found.together)):
        up, down = max(each.up for each in several), max(each.down for each in several)
        total = size * len(several)
        lines.append(f"| {what} | {up:.0f} s | {down:.0f} s | {total / up:.0f} | {total / down:.0f} |")
    lines.append("")
    lines.append(
        f"The server took {found.memory / big.MIB:.0f} MiB of memory for the one; each came back the same."
    )
    return "\n".join(lines)
