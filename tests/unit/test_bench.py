"""The bench's pure parts: medians, ratios, bars, table, arguments, and what it may touch."""

from __future__ import annotations

import copy
import json
import math
import re
import runpy
import sys
from pathlib import Path

import pytest
from rich.console import Console
from ruamel.yaml import YAML
from typer.testing import CliRunner, Result

from bench import __main__ as cli
from bench import against_helm, cluster, cold, machine, measures, programs
from bench.figures import BARS, Name, Pair, Reading, as_json, compared, good, repeated, table
from ops.home import COMMITTED
from tests.contract import chart_cases


@pytest.fixture(autouse=True)
def no_lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lab's home of the test's own; nothing is made in it."""
    monkeypatch.setenv("MLFLOW_LAB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NO_COLOR", "1")


def test_a_comparison_is_the_median_of_the_pairs_ratios_not_the_ratio_of_medians() -> None:
    reading = compared(Name.PREVIEW, [Pair(1, 1), Pair(4, 2), Pair(9, 10)])
    assert reading.value == 1
    assert reading.note == "Pulumi 4.00 s, Helm 2.00 s; ratios 1.00 2.00 0.90"
    assert compared(Name.INSTALL, [Pair(2, 4), Pair(1, 4)]).value == 0.375


def test_repeated_runs_give_their_median() -> None:
    reading = repeated(Name.AGAIN, [9.0, 2.0, 4.0])
    assert (reading.value, reading.note) == (4.0, "median of 9.0 2.0 4.0")


@pytest.mark.parametrize(
    ("name", "value", "holds"),
    [
        (Name.AGAIN, 10.0, True),
        (Name.AGAIN, 10.01, False),
        (Name.MALFORMED, 60, True),
        (Name.MALFORMED, 59, False),
        (Name.MALFORMED, math.inf, False),
        (Name.INSTALL, math.nan, False),
        (Name.INSTALL, None, False),
    ],
)
def test_a_figure_holds_at_its_bar_and_not_beyond(name: Name, value: float | None, holds: bool) -> None:
    assert Reading(name, value).holds is holds


def test_what_was_skipped_neither_holds_nor_fails() -> None:
    skipped = Reading(Name.UP, None, "a lab runs", skipped=True)
    assert skipped.holds is None
    assert good([skipped, Reading(Name.AGAIN, 1.0)])
    assert not good([skipped, Reading(Name.AGAIN, 11.0)])


def test_the_bars_are_the_issue_s() -> None:
    assert set(BARS) == set(Name)
    assert {name: str(bar) for name, bar in BARS.items()} == {
        Name.TEST_FAST: "<= 20 s",
        Name.MALFORMED: ">= 60",
        Name.COLD: "<= 25 min",
        Name.UP: "<= 120 s",
        Name.AGAIN: "<= 10 s",
        Name.MEMORY: "<= 3 GiB",
        Name.PREVIEW: "<= 1.5 x",
        Name.INSTALL: "<= 0.5 x",
        Name.AUTHENTICATION: ">= 12 x",
        Name.SERVING: ">= 25 x",
        Name.INGRESS: "<= 1.3 x",
        Name.MANY: "<= 0",
        Name.BIG: "<= 256 MiB",
        Name.SLOW: "<= 100 ms",
        Name.ROLL: "<= 0",
    }


READINGS = [
    Reading(Name.UP, 84.21, "first"),
    Reading(Name.INSTALL, 0.612, "[slow]"),
    Reading(Name.PREVIEW, None, "broken"),
    Reading(Name.MALFORMED, 181),
    Reading(Name.COLD, None, "a lab runs", skipped=True),
]


def test_the_table_has_a_row_for_each_with_bar_and_verdict() -> None:
    console = Console(width=200)
    with console.capture() as capture:
        console.print(table(READINGS))
    rows = [re.split(r"\s{2,}", line.strip()) for line in capture.get().splitlines()]
    assert rows[0] == ["figure", "measured", "bar", "holds", "how"]
    assert rows[1] == ["make up, caches warm, no lab running", "84.21 s", "<= 120 s", "yes", "first"]
    assert rows[2][1:] == ["0.61 x", "<= 0.5 x", "NO", "[slow]"]
    assert rows[3][1:] == ["failed", "<= 1.5 x", "NO", "broken"]
    assert rows[4][1:] == ["181", ">= 60", "yes"]
    assert rows[5][1:] == ["skipped", "<= 25 min", "-", "a lab runs"]


def test_json_has_value_bar_and_verdict() -> None:
    told = json.loads(json.dumps(as_json(READINGS)))
    assert told["good"] is False
    assert told["figures"][1] == {
        "name": "install",
        "what": BARS[Name.INSTALL].what,
        "value": 0.612,
        "unit": "x",
        "limit": 0.5,
        "least": False,
        "holds": False,
        "skipped": False,
        "note": "[slow]",
    }


def test_all_but_the_cold_one_are_measured_unless_told_otherwise() -> None:
    assert cli.chosen([], with_cold=False) == [name for name in Name if name != Name.COLD]
    assert cli.chosen([], with_cold=True) == list(Name)
    assert cli.chosen([Name.INSTALL, Name.UP], with_cold=False) == [Name.UP, Name.INSTALL]
    assert cli.chosen([Name.COLD], with_cold=False) == [Name.COLD]


def _bench(*args: str) -> Result:
    return CliRunner().invoke(cli.app, args)


@pytest.mark.parametrize("args", [["--only", "nonsense"], ["--pairs", "0"], ["--pairs", "x"], ["extra"]])
def test_wrong_usage_is_exit_code_2(args: list[str]) -> None:
    assert _bench(*args).exit_code == 2


@pytest.mark.parametrize(("value", "code"), [(0.5, 0), (0.51, 1)])
def test_the_exit_code_says_whether_all_holds(
    value: float, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(
        measures.MEASURES, Name.INSTALL, lambda _, pairs: Reading(Name.INSTALL, value * pairs)
    )
    said = _bench("--only", "install", "--pairs", "1", "--json")
    assert said.exit_code == code
    assert json.loads(said.stdout)["figures"][0]["value"] == value


def test_a_figure_that_fails_does_not_keep_the_others_from_being_measured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(*_: object) -> Reading:
        raise programs.BenchError("cause\nand the rest")

    monkeypatch.setitem(measures.MEASURES, Name.INSTALL, fails)
    said = _bench("--only", "install", "--only", "malformed", "--json")
    assert said.exit_code == 1
    count, failed = json.loads(said.stdout)["figures"]
    assert count["holds"] is True
    assert (failed["holds"], failed["note"]) == (False, "cause")
    assert "and the rest" in said.stderr


def test_an_endless_figure_is_a_failure_and_the_json_is_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(measures.MEASURES, Name.SERVING, lambda *_: Reading(Name.SERVING, math.inf, "why"))
    said = _bench("--only", "serving", "--json")
    assert said.exit_code == 1
    figure = json.loads(said.stdout, parse_constant=pytest.fail)["figures"][0]
    assert (figure["value"], figure["note"]) == (None, "no number: why")


@pytest.mark.parametrize("error", programs.FAILURES)
def test_a_measurement_that_failed_is_not_made_again(error: type[Exception]) -> None:
    made = []

    @programs.once
    def measured() -> None:
        made.append(1)
        raise error("no server")

    for _ in range(2):
        with pytest.raises(error, match="no server"):
            measured()
    assert made == [1]


@pytest.mark.parametrize("found", ["running", "stopped"])
def test_a_lab_that_is_there_is_not_taken_down_unasked(found: str) -> None:
    kept = machine.Machine(may_take_down=False, found=found)
    with pytest.raises(machine.SkippedError, match="--yes"):
        kept.first_up()
    kept.leave()


def test_no_namespace_but_the_bench_s_own_can_be_removed() -> None:
    with pytest.raises(ValueError, match="mlflow"), cluster.scratch("mlflow"):
        pass


def test_a_program_that_fails_is_told_with_its_last_lines_and_without_its_input() -> None:
    script = "import sys; given = sys.stdin.read(); print('cause', len(given)); sys.exit(3)"
    with pytest.raises(programs.BenchError, match=r"(?s)exit code 3\):\ncause 5") as raised:
        programs.run("fails", sys.executable, "-c", script, stdin="s3cr!")
    assert "s3cr!" not in str(raised.value)


def test_a_program_runs_as_in_a_plain_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    callers = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "CONTEXT", "STACK", "ARGS"}
    callers |= {"PULUMI_BACKEND_URL", "KUBECONFIG", "MLFLOW_TRACKING_URI"}
    for name in callers:
        monkeypatch.setenv(name, "a caller's")
    assert runpy.run_path(programs.__file__)["PLAIN"].keys() & {*callers, "PATH"} == {"PATH"}
    done = programs.run("ends", sys.executable, "-c", "print('out')")
    assert done.output == "out\n"
    assert done.seconds > 0


def test_the_cold_run_has_every_cache_in_its_own_folder(tmp_path: Path) -> None:
    env = cold.empty_caches(tmp_path)
    for cache in ("MLFLOW_LAB_HOME", "XDG_CACHE_HOME", "GOCACHE", "GOPATH", "PIP_CACHE_DIR", "UV_CACHE_DIR"):
        assert Path(env[cache]).parent == tmp_path
    assert "GOMODCACHE" not in env


def test_the_runbook_s_values_are_the_chart_facts_seed_on_the_lab() -> None:
    """The same but for what names a place: no ingress, the lab's storage class and S3 server."""
    values = YAML(typ="safe").load(against_helm.RUNBOOK)
    lab = YAML(typ="safe").load(COMMITTED)["config"]
    seed = copy.deepcopy(chart_cases.facts("seed")["values"])
    del seed["tracking"]["ingress"]
    seed["tracking"]["persistence"]["storageClass"] = lab["mlflow:storageClass"]
    seed["postgresql"]["primary"]["persistence"]["storageClass"] = lab["mlflow:storageClass"]
    seed["externalS3"]["bucket"] = lab["mlflow:s3Bucket"]
    store = values["externalS3"]
    assert f"{store['protocol']}://{store['host']}:{store['port']}" == lab["mlflow:s3Endpoint"]
    seed["externalS3"].update({key: store[key] for key in ("protocol", "host", "port")})
    assert values == seed
