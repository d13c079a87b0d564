"""How many runs a second a server takes: with fast authentication, without it, and with the chart's defaults.

Three servers one after the other, each from nothing and with a database of its own; the same clients, in
the same bench. So the ratios are of one machine at one time.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench import cluster, plots
from bench.against_helm import HELM_NAMESPACE, PULUMI_NAMESPACE, RUNBOOK, Sides, prepared, sides
from bench.clients import Met
from bench.figures import Name, Reading
from bench.programs import BenchError, ask, once, run
from ops.home import STACK, Home

CLIENTS = (1, 5, 20, 50, 100)
AT = 20
"""The clients that the bars are of."""

SECONDS = 10
"""Of each measurement, at least (`bench.clients`)."""

FAST, SLOW, CHART = "with fast authentication", "without it", "the chart's defaults"

Curves = Mapping[str, Sequence[Met]]
"""What clients met, by server; one entry for each number of clients."""


@once
def measured() -> Curves:
    """All three, measured once."""
    with sides() as both:
        settings = both.stack.config()
        found = {}
        with _by_helm(both, settings) as namespace:
            found[CHART] = _curve(CHART, settings, namespace)
        for server, fast in ((SLOW, "false"), (FAST, "true")):
            with _by_pulumi(both, fast) as namespace:
                found[server] = _curve(server, settings, namespace)
    return found


@contextmanager
def _by_helm(both: Sides, settings: Mapping[str, str]) -> Iterator[str]:
    """The runbook's server; the name of its namespace."""
    with cluster.scratch(HELM_NAMESPACE) as namespace:
        cluster.kubectl("create", "namespace", namespace)
        cluster.create_s3_secret(namespace)
        both.upgrade(f"{CHART}: helm upgrade --install (not measured)", settings, RUNBOOK)
        yield namespace


@contextmanager
def _by_pulumi(both: Sides, fast: str) -> Iterator[str]:
    """A stack's server; the name of its namespace."""
    with cluster.scratch(PULUMI_NAMESPACE) as namespace, tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder), both.tools)
        prepared(home, fastAuthentication=fast)
        run(
            f"fastAuthentication {fast}: pulumi up (not measured)",
            *("pulumi", "up", "--yes", "--skip-preview", "--non-interactive", "--stack", STACK),
            env=home.stack().environ(),
        )
        yield namespace


def _curve(server: str, settings: Mapping[str, str], namespace: str) -> list[Met]:
    """What each number of clients meets at the server in a namespace."""
    release = settings["releaseName"]
    cluster.log_in(settings["context"], namespace, release)
    url, login = cluster.address(namespace, release), cluster.login(namespace, release)
    return [_met(f"{server}: {count} clients", url, count, login) for count in CLIENTS]


def _met(what: str, url: str, count: int, login: tuple[str, str]) -> Met:
    return Met(**ask(what, "bench.clients", url, str(count), str(SECONDS), login=login))


def reading(name: Name, other: str) -> Reading:
    """How many times the runs of `other` fast authentication takes, at `AT` clients.

    Raises `BenchError` where a run failed, with however many clients.
    """
    curves = measured()
    failed = sum(met.failed for met in curves[FAST])
    if failed:
        raise BenchError(f"{failed} runs failed {FAST}")
    fast, slow = (next(met for met in curves[server] if met.clients == AT) for server in (FAST, other))
    note = f"{AT} clients: {told(fast)} {FAST}; {told(slow)} {other}"
    return Reading(name, times(fast, slow), note)


def times(fast: Met, slow: Met) -> float:
    """How many times the runs of the other. Raises `BenchError` where that one ended none."""
    if not slow.rate:
        raise BenchError(f"the slower server: {cell(slow)}")
    return fast.rate / slow.rate


def told(met: Met) -> str:
    """What clients met, in some words."""
    return f"{met.rate:.1f} runs/s, p50 {met.p50:.2f} s, p95 {met.p95:.2f} s"


def cell(met: Met) -> str:
    """What clients met, in a table."""
    failed = f", {met.failed} failed" if met.failed else ""
    if not met.rate:
        return f"no run ended in {met.seconds:.0f} s{failed}"
    return f"{met.rate:.1f} /s, {met.p50:.2f} s, {met.p95:.2f} s{failed}"


def table(curves: Curves) -> str:
    """The curves as Markdown: a line for each number of clients."""
    lines = [
        f"| clients | {' | '.join(curves)} | times the one without | times the chart's |",
        f"| ---: |{' ---: |' * (len(curves) + 2)}",
    ]
    for row in zip(*curves.values(), strict=True):
        by_server = dict(zip(curves, row, strict=True))
        cells = [cell(met) for met in row]
        others = [by_server[other] for other in (SLOW, CHART)]
        cells += [f"{times(by_server[FAST], met):.1f}" if met.rate else "" for met in others]
        lines.append(f"| {row[0].clients} | {' | '.join(cells)} |")
    return "\n".join(lines)


def section() -> str:
    """The curves for the report: a picture of the runs and the table."""
    lines = {server: [(met.clients, met.rate) for met in curve] for server, curve in measured().items()}
    picture = plots.lines("authentication", lines, "clients at once", "runs/s")
    return f"{picture}\n\n{table(measured())}"
