"""Several pods of the server: what more of them bring, and who notices when one ends or all are replaced."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import httpx

from bench import cluster, plots
from bench.clients import METRICS, Clients, Met
from bench.figures import Name, Reading
from bench.programs import BenchError, once
from bench.published import Published, published
from ops.console import step

COUNTS = (1, 2, 3)
CLIENTS = 20
SECONDS = 10
ROLLING_CLIENTS = 10
ROLLING_PAUSE = 1.0
"""Seconds after each of their runs: a pod that starts has CPU left, and needs no minute for it."""
READY_SECONDS = 120.0
AROUND = 2.0
"""Seconds of the load before the first pod ends, and after the last is ready."""
SMALL = {"requests": {"cpu": "50m", "memory": "512Mi"}, "limits": {"memory": "2Gi"}}
"""Three of them and all else stand on one node of two cores."""


@dataclass(frozen=True)
class Kept:
    """What clients met while pods came and went, and what the server has of what it said it took."""

    made: int
    failed: Sequence[str]
    lost: int
    """Runs that the server took and does not have, or not with all their metrics."""
    doubled: int
    """Runs that are there once more than a client tried to make them."""


def kept(taken: Set[str], failed: Sequence[str], names: Sequence[str], whole: Set[str]) -> Kept:
    """From the ids of runs that the server took, the names of all it has, and ids of those with all metrics.

    Each attempt of a client has a name of its own.
    """
    return Kept(len(taken), failed, len(taken - whole), len(names) - len(set(names)))


@dataclass(frozen=True)
class Replicas:
    """Runs a second by the number of pods; what was met while pods ended in order, and without warning."""

    curve: Mapping[int, Met]
    rolled: Kept
    killed: Kept


@once
def measured() -> Replicas:
    """All of it, measured once."""
    with published(trackingResources=SMALL) as made:
        curve = {}
        for count in COUNTS:
            made.set(trackingReplicas=count)
            curve[count] = made.load(f"{count} pods", made.url, CLIENTS, SECONDS)
        made.set(trackingReplicas=2)
        return Replicas(curve, rolled(made), killed(made))


def rolled(made: Published) -> Kept:
    """A pod ends in order, and then an upgrade replaces both, under load."""

    def disturb() -> None:
        _end_one(made)
        made.set(trackingThreads=int(made.stack.config()["trackingThreads"]) + 1)

    return _kept(made, "a pod ends, an upgrade rolls", disturb)


def killed(made: Published) -> Kept:
    """A pod ends without warning, under load: what it was answering fails, and nothing else."""
    return _kept(made, "a pod is killed", lambda: _end_one(made, "--grace-period=0", "--force"))


def _end_one(made: Published, *how: str) -> None:
    """Delete a pod, and wait until there are as many as before."""
    before = made.pods()
    first = next(iter(before))
    with step(f"pod {first} ends {' '.join(how)}".rstrip()):
        cluster.kubectl("delete", "pod", first, f"--namespace={made.namespace}", "--wait=false", *how)
        deadline = time.monotonic() + READY_SECONDS
        while first in (now := made.pods()) or len(now) < len(before):
            if time.monotonic() > deadline:
                raise BenchError(f"no pod is ready in the place of {first} after {READY_SECONDS:.0f} s")
            time.sleep(0.2)


def _kept(made: Published, what: str, disturb: Callable[[], None]) -> Kept:
    """Runs in an experiment of their own, all the time while pods are disturbed, and counted afterwards."""
    with made.client() as client:
        name = {"name": f"{what} {time.time_ns()}"}
        answer = client.post("/api/2.0/mlflow/experiments/create", json=name).raise_for_status()
        experiment = str(answer.json()["experiment_id"])
        clients = Clients(made.url, made.login, ROLLING_CLIENTS, experiment, ROLLING_PAUSE)
        with clients.working():
            time.sleep(AROUND)
            disturb()
            time.sleep(AROUND)
        runs = list(_runs(client, experiment))
    names = [run["info"]["run_name"] for run in runs]
    whole = {run["info"]["run_id"] for run in runs if len(run["data"].get("metrics", [])) == len(METRICS)}
    return kept(clients.runs, clients.failed, names, whole)


def _runs(client: httpx.Client, experiment: str) -> Iterator[dict[str, Any]]:
    """All runs of an experiment, page by page."""
    page = ""
    while True:
        asked = {"experiment_ids": [experiment], "max_results": 1000, "page_token": page}
        came = client.post("/api/2.0/mlflow/runs/search", json=asked).raise_for_status().json()
        yield from came.get("runs", [])
        page = came.get("next_page_token", "")
        if not page:
            return


def reading() -> Reading:
    """Failed runs while a pod ends and an upgrade rolls.

    Raises `BenchError` for a lost or doubled one, and for one that failed while no pod did.
    """
    found = measured()
    if failed := sum(met.failed for met in found.curve.values()):
        raise BenchError(f"{failed} runs failed while all pods stayed")
    for what, kept in (("rolled", found.rolled), ("killed", found.killed)):
        if kept.lost or kept.doubled:
            raise BenchError(f"{what}: {kept.lost} runs lost, {kept.doubled} doubled of {kept.made}")
    rates = ", ".join(f"{count}: {met.rate:.1f} runs/s" for count, met in found.curve.items())
    note = f"{found.rolled.made} runs, none lost or doubled (a killed pod: {len(found.killed.failed)} failed,"
    note += f" none lost or doubled); pods {rates}"
    return Reading(Name.ROLL, len(found.rolled.failed), note)


def section() -> str:
    """The pods, for the report."""
    found = measured()
    points = [(float(count), met.rate) for count, met in found.curve.items()]
    lines = [
        plots.lines("replicas", {f"{CLIENTS} clients": points}, "pods of the server", "runs/s"),
        "",
        "| pods | runs/s | p50 | p95 | failed |",
        "| ---: | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {count} | {met.rate:.1f} | {met.p50:.2f} s | {met.p95:.2f} s | {met.failed} |"
        for count, met in found.curve.items()
    ]
    lines += [
        "",
        "| with two pods | runs taken | failed | lost | doubled |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    kinds = (
        ("a pod ends in order, then an upgrade replaces both", found.rolled),
        ("a pod is deleted by force", found.killed),
    )
    lines += [
        f"| {what} | {kept.made} | {len(kept.failed)} | {kept.lost} | {kept.doubled} |"
        for what, kept in kinds
    ]
    return "\n".join(lines)
