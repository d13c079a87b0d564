"""The measurement of serving: its clients, its ratios, its report."""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from bench import authentication, measures, plots, report
from bench.authentication import CHART, FAST, SLOW
from bench.clients import Clients, Met, met
from bench.figures import Name
from bench.machine import Machine


class Tracking(BaseHTTPRequestHandler):
    """Takes runs and batches of the right user."""

    protocol_version = "HTTP/1.1"
    asked: list[tuple[str, int]]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append((self.path.rpartition("/")[2], len(body.get("metrics", []))))
        right = self.headers["Authorization"] == "Basic dXNlcjpyaWdodA=="  # user:right
        answer = json.dumps({"run": {"info": {"run_id": "r"}}}).encode()
        self.send_response(200 if right else 401)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Nobody reads it."""


@pytest.fixture
def server() -> Iterator[str]:
    """The URL of a server that takes runs."""
    Tracking.asked = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Tracking) as made:
        thread = threading.Thread(target=made.serve_forever, args=[0.01])
        thread.start()
        yield f"http://127.0.0.1:{made.server_port}"
        made.shutdown()
        thread.join()


def test_a_run_is_its_creation_and_a_batch_of_ten_metrics(server: str) -> None:
    found = Clients(server, ("user", "right"), 3).run(0.3, warm=0.01)
    assert (found.clients, found.failed) == (3, 0)
    assert found.rate > 0
    assert set(Tracking.asked) == {("create", 0), ("log-batch", 10)}


def test_a_client_pauses_after_a_run_and_ends_at_once(server: str) -> None:
    began, clients = time.monotonic(), Clients(server, ("user", "right"), 3, pause=60)
    with clients.working():
        while clients.made < 3 and time.monotonic() - began < 9:
            time.sleep(0.1)
    assert clients.made == 3
    assert time.monotonic() - began < 10


def test_a_refused_client_is_a_failure(server: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = Clients(server, ("user", "wrong"), 1, pause=60).run(0.3, warm=0)
    assert found.failed > 0
    assert found.rate == 0
    assert "create: 401" in capsys.readouterr().err


def test_times_are_the_median_and_all_but_one_in_twenty() -> None:
    assert met(9, 10, [float(number) for number in range(100)], 0, 120) == Met(9, 10, 50, 95, 0, 120)
    assert met(1, 10, [], 0, 0).p95 == float("inf")


CURVES = {
    CHART: [Met(1, 2, 0.5, 0.6, 0), Met(20, 3, 8, 9, 0), Met(50, 0, math.inf, math.inf, 2)],
    SLOW: [Met(1, 4, 0.25, 0.3, 0), Met(20, 7, 3, 4, 0), Met(50, 9, 9, 9, 0)],
    FAST: [Met(1, 40, 0.02, 0.03, 0), Met(20, 105, 0.2, 0.4, 0), Met(50, 63, 0.4, 0.5, 0)],
}


@pytest.fixture
def curves(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was measured."""
    monkeypatch.setattr(authentication, "measured", lambda: CURVES)


@pytest.mark.usefixtures("curves")
def test_both_ratios_are_of_one_measurement_at_twenty_clients() -> None:
    machine = Machine(may_take_down=False, found="running", _up=True)
    found = {name: measures.MEASURES[name](machine, None) for name in (Name.AUTHENTICATION, Name.SERVING)}
    assert [one.value for one in found.values()] == [15, 35]
    assert found[Name.SERVING].note == (
        "20 clients: 105.0 runs/s, p50 0.20 s, p95 0.40 s with fast authentication;"
        " 3.0 runs/s, p50 8.00 s, p95 9.00 s the chart's defaults"
    )


@pytest.mark.usefixtures("curves")
def test_the_report_has_a_line_for_each_number_of_clients(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plots, "FOLDER", tmp_path)
    picture, *lines = authentication.section().splitlines()
    assert picture == "![runs/s by clients at once](images/serving-authentication.svg)"
    assert (tmp_path / "serving-authentication.svg").read_text().count(CHART) >= 1
    assert lines[-2:] == [
        "| 20 | 3.0 /s, 8.00 s, 9.00 s | 7.0 /s, 3.00 s, 4.00 s | 105.0 /s, 0.20 s, 0.40 s | 15.0 | 35.0 |",
        "| 50 | no run ended in 10 s, 2 failed | 9.0 /s, 9.00 s, 9.00 s | 63.0 /s, 0.40 s, 0.50 s | 7.0 |  |",
    ]


def test_the_same_figures_give_the_same_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plots, "FOLDER", tmp_path)
    drawn = []
    for _ in range(2):
        plots.bars("x", {"one": {"p50": 1.0, "p99": 2.0}, "two": {"p50": 3.0, "p99": 4.0}}, "ms", 100)
        drawn.append((tmp_path / "serving-x.svg").read_bytes())
    assert drawn[0] == drawn[1]


def test_a_section_takes_the_place_of_the_old_one() -> None:
    start, end = report.marks("big")
    assert report.put(f"before\n{start}\nold\n{end}\nafter\n", "big", "new") == (
        f"before\n{start}\n\nnew\n\n{end}\nafter\n"
    )


def test_every_section_has_its_place_in_the_committed_report() -> None:
    text = report.PAGE.read_text()
    for name in report.SECTIONS:
        assert [text.count(mark) for mark in report.marks(name)] == [1, 1], name


def test_only_what_was_measured_is_written(tmp_path: Path) -> None:
    page = tmp_path / "serving.md"
    page.write_text("as it was")
    report.write(page)
    assert page.read_text() == "as it was"
