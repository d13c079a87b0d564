"""Slow clients, big artifacts and what was kept: the bench's clients against a server of the test's own."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from bench import big, ingress, patience, plots, replicas
from bench.big import There
from bench.clients import Met
from bench.figures import Name
from bench.ingress import Artifacts, Ways
from bench.programs import BenchError
from bench.replicas import Kept, Replicas
from bench.slow import Beside, Slow, Wanted, beside

LOGIN = ("user", "right")


class Store(BaseHTTPRequestHandler):
    """Keeps artifacts; `spoils`: gives them back otherwise; `stall`: seconds without an answer at first."""

    protocol_version = "HTTP/1.1"
    kept: dict[str, bytes]
    spoils = False
    stall = until = 0.0
    open = 0

    def setup(self) -> None:
        Store.open += 1
        super().setup()

    def do_PUT(self) -> None:
        assert self.headers["Authorization"] == "Basic dXNlcjpyaWdodA=="  # user:right
        length = int(self.headers["Content-Length"])
        content = self.rfile.read(length)
        if len(content) == length:
            self.kept[self.path] = content
            self._answer(b"{}")

    def do_GET(self) -> None:
        if self.path == "/health":
            now = time.monotonic()
            Store.until = Store.until or now + self.stall
            time.sleep(max(0, self.until - now))
            self._answer(b"OK")
        else:
            content = self.kept[self.path]
            self._answer(content + b"?" if self.spoils else content)

    def do_DELETE(self) -> None:
        del self.kept[self.path]
        self._answer(b"{}")

    def _answer(self, content: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Nobody reads it."""


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of a store."""
    Store.kept, Store.open, Store.until = {}, 0, 0.0
    with ThreadingHTTPServer(("127.0.0.1", 0), Store) as made:
        made.daemon_threads = True
        thread = threading.Thread(target=made.serve_forever, args=[0.01])
        thread.start()
        yield f"http://127.0.0.1:{made.server_port}"
        made.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits before the first sample."""
    monkeypatch.setattr("bench.slow.SETTLE", 0.1)
    monkeypatch.setattr("bench.slow.PIECES", 20)


def run(url: str, wanted: Wanted) -> Beside:
    """What was found beside them."""
    return asyncio.run(Slow(url, LOGIN, wanted).run())


def test_slow_uploads_arrive_while_health_is_asked(store: str) -> None:
    began = time.monotonic()
    found = run(store, Wanted(0.5, uploads=3, size=10_000))
    took = time.monotonic() - began
    assert took >= 0.5
    assert (found.arrived, found.failed) == (3, [])
    assert found.asked > 0
    assert 0 < found.p50 <= found.p99 <= found.worst < took


def test_an_upload_that_comes_back_different_is_a_failure(
    store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Store, "spoils", True)
    found = run(store, Wanted(0.3, uploads=1, size=100))
    assert (found.arrived, found.failed) == (0, ["upload 0 came back different"])


def test_connections_are_held_and_say_no_more_than_they_should(store: str) -> None:
    found = run(store, Wanted(0.3, silent=4, begun=3))
    assert (found.failed, found.held) == ([], 7)
    assert Store.open >= 7
    assert Store.kept == {}


def test_a_server_that_is_not_there_is_a_failure_of_everybody() -> None:
    found = run("http://127.0.0.1:9", Wanted(0.3, uploads=1, silent=1))
    assert {failure.partition(":")[0] for failure in found.failed} == {"upload 0", "connection", "/health"}
    assert math.isinf(found.p99)
    assert found.asked == sum(failure.startswith("/health") for failure in found.failed) > 0


def test_a_server_that_stalls_is_as_slow_to_all_who_would_have_asked(
    store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.slow.SAMPLES", 50)
    monkeypatch.setattr(Store, "stall", 0.5)
    found = run(store, Wanted(0.8))
    assert found.asked == pytest.approx(30, abs=1)
    assert found.p50 > 0.15
    assert found.worst >= 0.5


def test_connections_that_the_server_closes_are_told_and_no_failure(
    store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.slow.SETTLE", 9)
    monkeypatch.setattr(Store, "timeout", 0.05)
    found = run(store, Wanted(9, silent=4))
    assert (found.failed, found.held) == ([], 0)


def test_p99_is_all_but_one_in_a_hundred() -> None:
    found = beside([float(number) for number in range(200)], 0, [])
    assert (found.p50, found.p99, found.worst, found.asked) == (100, 198, 199, 200)


def test_a_big_artifact_goes_there_and_back_and_is_removed(
    store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with httpx.Client(base_url=store, auth=LOGIN) as client:
        one, two = big.at_once(client, 2, 3 * big.MIB)
        assert one.same
        assert two.same
        assert Store.kept == {}
        monkeypatch.setattr(Store, "spoils", True)
        assert not big.there_and_back(client, "x", 1).same


PAIRS = [(Met(20, 90, 0.24, 0.4, 0), Met(20, 100, 0.2, 0.3, 0))] * 2
MANY = Met(100, 80, 1.2, 2.5, 0, 5000, 60)
WAYS = Ways([*PAIRS, (Met(20, 70, 0.9, 1, 0), Met(20, 70, 0.3, 1, 0))], Met(20, 120, 0.1, 0.2, 0), MANY)


def test_the_ingress_is_judged_by_the_median_of_the_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingress, "ways", lambda: WAYS)
    reading = ingress.overhead()
    assert reading.value == pytest.approx(1.2)
    assert reading.holds
    assert (ingress.many().name, ingress.many().value) == (Name.MANY, 0)
    assert "| through the ingress, for 60 s | 100 | 80.0 | 1.200 s | 2.500 s | 0 |" in ingress.section()
    failing = Ways([(Met(20, 90, 0.24, 0.4, 2), PAIRS[0][1])], WAYS.by_hand, MANY)
    monkeypatch.setattr(ingress, "ways", lambda: failing)
    with pytest.raises(BenchError, match="2 runs failed"):
        ingress.overhead()


def test_a_big_artifact_is_judged_by_the_server_s_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Artifacts(There(20, 10, True), 64 * big.MIB, [There(60, 30, True)] * 3)
    monkeypatch.setattr(ingress, "artifacts", lambda: found)
    assert ingress.big_artifact().value == 64
    assert "| 3 at once | 60 s | 30 s | 102 | 205 |" in ingress.section_of_artifacts()


def kept(lost: int = 0, doubled: int = 0, failed: int = 0) -> Kept:
    """What is left of a load of 100 runs."""
    return Kept(100, ["no"] * failed, lost, doubled)


@pytest.mark.parametrize(
    ("failed", "names", "whole", "lost", "doubled"),
    [
        (0, "xyz", "abc", 0, 0),
        (0, "xy", "ab", 1, 0),
        (0, "xyz", "ab", 1, 0),
        (0, "xxyz", "abcd", 0, 1),
        (1, "wxyz", "abc", 0, 0),
        # The one whose answer was cut off is no substitute for the one that was taken.
        (1, "wxy", "abd", 1, 0),
        # Nor do failures hide one that was made twice.
        (2, "xxyz", "abcd", 0, 1),
    ],
)
def test_what_was_taken_is_there_once(failed: int, names: str, whole: str, lost: int, doubled: int) -> None:
    after = replicas.kept({*"abc"}, ["no"] * failed, [*names], {*whole})
    assert (after.made, after.lost, after.doubled) == (3, lost, doubled)


def test_pods_that_come_and_go_are_judged_by_failures_and_by_what_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    good = kept()
    curve = {1: Met(20, 60, 0.3, 0.5, 0), 2: Met(20, 80, 0.2, 0.4, 0)}
    monkeypatch.setattr(replicas, "measured", lambda: Replicas(curve, good, kept(failed=2)))
    assert replicas.reading().value == 0
    monkeypatch.setattr(replicas, "measured", lambda: Replicas(curve, good, kept(lost=1)))
    with pytest.raises(BenchError, match="killed: 1 runs lost, 0 doubled of 100"):
        replicas.reading()
    curve[3] = Met(20, 80, 0.2, 0.4, 4)
    monkeypatch.setattr(replicas, "measured", lambda: Replicas(curve, good, good))
    with pytest.raises(BenchError, match="4 runs failed while all pods stayed"):
        replicas.reading()


def test_slow_clients_are_judged_by_health_and_by_every_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    good = Beside(0.01, 0.05, 0.2, 300, 0, [], Met(20, 60, 1, 2, 0))
    found = dict.fromkeys(patience.CASES, good)
    monkeypatch.setattr(patience, "measured", lambda: found)
    assert patience.reading().value == 50
    found[next(iter(found))] = Beside(0.01, 0.05, 0.2, 300, 0, ["/health: no"])
    with pytest.raises(BenchError, match="/health: no"):
        patience.reading()


def test_the_report_has_failures_what_was_left_open_and_the_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plots, "FOLDER", tmp_path)
    found = dict.fromkeys(patience.CASES, Beside(0.01, 0.25, 0.3, 280, 50, [], Met(20, 60, 1, 2, 0), 199))
    monkeypatch.setattr(patience, "measured", lambda: found)
    lines = patience.section().splitlines()
    silent, _ = (line for line in lines if line.startswith("| 200 connections that send nothing"))
    assert silent.endswith("| 10 ms | 250 ms | 300 ms | 280 | 0 |  | 199 of 200 | 60.0 |")
    assert lines[-1] == (
        "/health beside 50 slow uploads and 20 clients, p99: 250 ms; the bar of <= 100 ms is missed."
    )
