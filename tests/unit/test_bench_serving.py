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
from bench.figures import Name, Reading
from bench.machine import Machine
from bench.programs import BenchError


class Tracking(BaseHTTPRequestHandler):
    """Takes runs and batches of the right user."""

    protocol_version = "HTTP/1.1"
    asked: list[tuple[str, int]]
    names: list[str]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append((self.path.rpartition("/")[2], len(body.get("metrics", []))))
        self.names += [body["run_name"]] if "run_name" in body else []
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
    Tracking.asked, Tracking.names = [], []
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
    assert len(Tracking.names) == len(set(Tracking.names)) >= found.made


MADE = {"run": {"info": {"run_id": "r"}}}


class Queue:
    """A server that answers one request after the other, in order, each in `seconds`."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.free = 0.0
        self.lock = threading.Lock()

    def ask(self, *_: object) -> dict[str, Any]:
        """The answer to a request, when it is its turn."""
        with self.lock:
            self.free = max(self.free, time.monotonic()) + self.seconds
            mine = self.free
        time.sleep(max(0, mine - time.monotonic()))
        return MADE


def test_a_slow_server_s_rate_and_times_fit_the_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    """By Little's law: a window that is shorter than a run would find none."""
    monkeypatch.setattr(Clients, "_ask", Queue(0.004).ask)
    found = Clients("http://nowhere", ("user", "right"), 20).run(0.05, warm=0)
    assert found.seconds > 0.2
    assert found.rate * found.p50 == pytest.approx(20, rel=0.25)


def test_a_load_ends_by_itself_where_no_run_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.clients.TIMEOUT", 0.1)
    monkeypatch.setattr(Clients, "_ask", lambda clients, *_: clients._stop.wait() and MADE)
    found = Clients("http://nowhere", ("user", "right"), 2).run(0.05, warm=0)
    assert (found.rate, found.made) == (0, 2)
    assert found.seconds >= 0.1


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
    assert met(9, 10, [float(number) for number in range(100)], 0, 120) == Met(9, 10, 50, 95, 0, 120, 10)
    assert met(1, 10, [], 0, 0).p95 == float("inf")


CURVES = {
    CHART: [Met(1, 2, 0.5, 0.6, 0), Met(20, 3, 8, 9, 0), Met(50, 0, math.inf, math.inf, 2, 0, 90)],
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


def test_a_server_that_ended_no_run_gives_no_ratio() -> None:
    with pytest.raises(BenchError, match="no run ended in 90 s, 2 failed"):
        authentication.times(CURVES[FAST][2], CURVES[CHART][2])


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
        "| 50 | no run ended in 90 s, 2 failed | 9.0 /s, 9.00 s, 9.00 s | 63.0 /s, 0.40 s, 0.50 s | 7.0 |  |",
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


@pytest.mark.parametrize(
    ("readings", "written"),
    [
        ([], False),
        ([Reading(Name.UP, 1)], False),
        ([Reading(Name.AUTHENTICATION, 15)], True),
        ([Reading(Name.AUTHENTICATION, 1)], True),
        ([Reading(Name.AUTHENTICATION, 15), Reading(Name.SERVING, None, "no")], False),
    ],
)
def test_only_what_was_measured_is_written(
    readings: list[Reading], written: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bar that was missed is; a failure is not."""
    section = (report.SECTIONS["authentication"][0], lambda: "new")
    monkeypatch.setitem(report.SECTIONS, "authentication", section)
    page = tmp_path / "serving.md"
    page.write_text(before := "{}\nold\n{}".format(*report.marks("authentication")))
    report.write(readings, page)
    assert page.read_text() == (before.replace("old", "\nnew\n") if written else before)


def test_a_part_that_is_not_written_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "serving.md"
    page.touch()
    report.write([Reading(Name.SLOW, None, "no")], page)
    assert "serving.md: the part slow stays as it was" in capsys.readouterr().err
