"""Big, many and slow clients through the ingress, and pods that come and go: shorter than in the bench."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from bench import ingress, patience, replicas
from bench.big import MIB
from bench.ingress import CLIENTS, MANY
from bench.patience import SECONDS, SILENT, UPLOADS
from bench.published import Published
from bench.slow import Wanted
from lab import api
from ops.home import Home
from tests.e2e.deployment import Deployment, shell_environ
from tests.e2e.machine import within
from tests.e2e.published import published

pytestmark = [pytest.mark.alone, pytest.mark.bar]


@pytest.fixture(scope="module")
def made(deployment: Deployment, shell: None) -> Iterator[Published]:
    """The deployment of `make up` behind its ingress, as the bench sees a stack of its own."""
    with published(deployment) as site:
        stack = Home(api.run_folder() / "stack", shell_environ()).stack()
        yield Published(stack, api.environ(), site.login, "mlflow", "mlflow", site.url)


def told(text: str) -> None:
    """A figure for the summary."""
    sys.stdout.write(f"{text}\n")


def test_an_artifact_of_2_gib_comes_back_the_same_and_costs_no_memory(made: Published) -> None:
    pods = made.pods()
    with made.client() as client:
        there, memory = ingress.artifact(made, client)
    took = memory / MIB
    told(f"2 GiB: up in {there.up:.0f} s, down in {there.down:.0f} s, {took:.0f} MiB of memory (bar 256)")
    assert there.same
    assert took < 256
    assert set(made.pods()) == set(pods)


def test_a_hundred_clients_fail_in_nothing(made: Published) -> None:
    met = made.load("through the ingress", made.url, MANY, 20)
    told(f"{MANY} clients: {met.rate:.1f} runs/s, p50 {met.p50:.2f} s, {met.failed} failed (bar 0)")
    assert met.made > MANY
    assert met.failed == 0


def test_the_ingress_costs_a_run_little(made: Published) -> None:
    """The median of three pairs holds as soon as two of them do."""
    ratios: list[float] = []
    for ways in ((made.url, made.service), (made.service, made.url), (made.url, made.service)):
        p50 = {url: made.load("a pair", url, CLIENTS, 6).p50 for url in ways}
        ratios.append(p50[made.url] / p50[made.service])
        if sum(ratio <= 1.3 for ratio in ratios) == 2:
            break
    shown = ", ".join(f"{ratio:.2f}" for ratio in ratios)
    told(f"a run through the ingress takes {shown} times as long as past it, by pairs (bar 1.3)")
    assert sum(ratio <= 1.3 for ratio in ratios) == 2


def test_slow_uploads_stop_nobody(made: Published) -> None:
    """Alone `/health` is quick beside them; with clients that take all of the CPU, nothing fails."""
    found = patience.beside(made, patience.AT, made.url, Wanted(15, uploads=UPLOADS, clients=CLIENTS))
    assert found.failed == []
    assert found.arrived == UPLOADS
    assert found.load
    assert found.load.made > CLIENTS
    found = patience.beside(made, f"{UPLOADS} slow uploads", made.url, Wanted(SECONDS, uploads=UPLOADS))
    bar = within(100)
    told(f"/health beside {UPLOADS} slow uploads: p99 {found.p99 * 1000:.0f} ms (bar 100 ms, here {bar:.0f})")
    assert found.failed == []
    assert found.arrived == UPLOADS
    assert found.p99 * 1000 <= bar


@pytest.mark.parametrize("way", ["url", "service"])
@pytest.mark.parametrize("kind", ["silent", "begun"])
def test_connections_that_send_nothing_stop_nobody(made: Published, way: str, kind: str) -> None:
    found = patience.beside(made, f"{SILENT} {kind}", getattr(made, way), Wanted(SECONDS, **{kind: SILENT}))
    bar = within(100)
    told(f"/health beside {SILENT} {kind}, {way}: p99 {found.p99 * 1000:.0f} ms (bar 100 ms, here {bar:.0f})")
    assert found.failed == []
    assert found.p99 * 1000 <= bar


def test_nobody_notices_that_pods_come_and_go(made: Published) -> None:
    """Two of them: one ends, an upgrade replaces both; killed, a pod takes with it what it was answering."""
    try:
        made.set(trackingResources=replicas.SMALL, trackingReplicas=2)
        rolled, killed = replicas.rolled(made), replicas.killed(made)
    finally:
        # The last test: what takes the ingress away brings all as it was.
        for key in ("trackingResources", "trackingReplicas", "trackingThreads"):
            made.stack.read("config", "rm", key)
    told(f"{rolled.made} runs while pods came and went: {len(rolled.failed)} failed (bar 0)")
    assert rolled.made > 0
    assert list(rolled.failed) == []
    told(f"{killed.made} runs while a pod was killed: {len(killed.failed)} failed")
    assert killed.made > len(killed.failed)
    for kept in (rolled, killed):
        assert (kept.lost, kept.doubled) == (0, 0)
