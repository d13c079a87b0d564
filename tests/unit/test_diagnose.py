"""`make diagnose` from stack to report: what is asked, in which case, and how it is told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import typer

import ops.__main__ as command
from components.tokens import RELEASE
from ops import asking, cluster, diagnose, gathering
from ops.causes import Cause
from ops.console import OpsError
from ops.diagnose import Diagnosis
from ops.reader import Reader
from ops.snapshot import Answer, Snapshot
from ops.stack import Stack
from tests.unit.objects import READY, SETTINGS, container, named, pod, record, snapshot

RUNNING = container(running={"startedAt": "2026-11-25T01:00:00Z"}, ready=True)
SERVES = snapshot(
    {
        "pods": [pod(containers=[RUNNING], conditions=[READY])],
        "claims": [named("Claim", "data", status={"phase": "Bound"})],
        "secrets": [record(1, "deployed")],
    }
)
EMPTY = snapshot({"secrets": []})
WELL = {"database": Answer("", "", "p"), "users": Answer("", "", "p"), "store": Answer("", "", "p")}


class Told(Stack):
    """A stack whose `pulumi` answers what a test says, and keeps what it was asked."""

    def __init__(self, folder: Path, **answers: str) -> None:
        super().__init__("dev", {"PULUMI_OPTION_CONFIG_FILE": str(folder / "Pulumi.dev.yaml")})
        object.__setattr__(self, "answers", answers)
        object.__setattr__(self, "asked", [])

    answers: Mapping[str, str]
    asked: list[str]

    def read(self, *args: str, stdin: str = "") -> str:
        words = [word for word in args if not word.startswith("-")]
        what = "_".join(words[:2]) if words[0] == "stack" else words[0]
        self.asked.append(what)
        said = self.answers.get(what, "[]" if what == "stack_history" else "{}")
        if said.startswith("error"):
            raise OpsError(said)
        return said

    def config(self) -> dict[str, str]:
        return SETTINGS

    def backend(self) -> str:
        return self.answers.get("backend", "file:///nowhere")


@pytest.fixture
def shows(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The cluster's side: `seen` is the reading, `answers` what the stores say, `keys` those of S3."""
    given: dict[str, Any] = {"seen": SERVES, "answers": WELL, "ports": {}, "keys": None, "here": {}}
    monkeypatch.setattr(cluster, "connect", lambda _: None)
    monkeypatch.setattr(Reader, "__init__", lambda *_: None)
    monkeypatch.setattr(Reader, "take", lambda *_: given["seen"])
    monkeypatch.setattr(Reader, "logs", lambda *_: {})
    monkeypatch.setattr(asking, "stores", lambda *_: given["answers"])
    monkeypatch.setattr(asking, "ports", lambda *_: given["ports"])
    monkeypatch.setattr(asking, "s3_keys", lambda *_: given["keys"])
    monkeypatch.setattr(asking, "from_here", lambda *_: given["here"])
    return given


def names(found: Diagnosis) -> list[str]:
    return [cause.name for cause in found.causes]


def test_a_stack_that_works_has_no_cause_and_says_what_is_well(shows: dict[str, Any], tmp_path: Path) -> None:
    found = diagnose.diagnose(Told(tmp_path))
    assert names(found) == []
    wanted = (
        "1 of 1 pods ready",
        "1 of 1 volumes bound",
        "the database answers",
        "the artifact store answers",
    )
    assert found.works == wanted


def test_what_the_engine_said_is_judged(shows: dict[str, Any], tmp_path: Path) -> None:
    said = 'namespaces "mlflow" already exists; password=Pa55word'
    found = diagnose.diagnose(Told(tmp_path), said)
    assert names(found) == ["namespace-exists"]
    assert "Pa55word" not in found.causes[0].evidence


def test_errors_that_the_state_keeps_are_judged(shows: dict[str, Any], tmp_path: Path) -> None:
    kept = [
        {"type": RELEASE, "initErrors": ["Unrecognized images"]},
        {"type": RELEASE},
        {"type": "other"},
    ]
    state = json.dumps({"deployment": {"resources": kept}})
    assert names(diagnose.diagnose(Told(tmp_path, stack_export=state))) == ["image-check"]


@pytest.mark.parametrize(
    ("history", "asked"), [("failed", True), ("succeeded", False), ("in-progress", True)]
)
def test_a_preview_is_asked_where_the_last_update_did_not_end_well(
    shows: dict[str, Any], tmp_path: Path, history: str, *, asked: bool
) -> None:
    stack = Told(
        tmp_path,
        stack_history=json.dumps([{"result": history}]),
        preview='error: failed to perform "FetchReference" on source: oci://x: not found',
    )
    assert names(diagnose.diagnose(stack)) == (["chart-not-found"] if asked else [])
    assert ("preview" in stack.asked) == asked


def test_a_preview_is_asked_where_nothing_was_ever_deployed(shows: dict[str, Any], tmp_path: Path) -> None:
    shows.update(seen=EMPTY, answers={})
    stack = Told(tmp_path)
    assert names(diagnose.diagnose(stack)) == ["not-deployed"]
    assert "preview" in stack.asked


def test_no_preview_is_needed_where_the_cause_is_certain(shows: dict[str, Any], tmp_path: Path) -> None:
    claim = named("P", "data", spec={"storageClassName": "none"}, status={"phase": "Pending"})
    shows.update(seen=snapshot({"secrets": [], "claims": [claim], "storage_classes": []}))
    stack = Told(tmp_path)
    assert names(diagnose.diagnose(stack))[0] == "storage-class-missing"
    assert "preview" not in stack.asked


def test_a_cluster_that_cannot_be_read_is_the_cause(
    monkeypatch: pytest.MonkeyPatch, shows: dict[str, Any], tmp_path: Path
) -> None:
    def refused(_: Mapping[str, str]) -> None:
        raise OpsError("no such context")

    monkeypatch.setattr(cluster, "connect", refused)
    found = diagnose.diagnose(Told(tmp_path))
    assert names(found) == ["cluster-unreachable"]
    assert found.causes[0].evidence == "no such context"


def test_s3_is_asked_from_here_only_where_no_pod_can_be(shows: dict[str, Any], tmp_path: Path) -> None:
    shows.update(here={"store": Answer("NoSuchBucket", "no", "from this machine")}, keys=("id", "key"))
    assert names(diagnose.diagnose(Told(tmp_path))) == []
    shows.update(answers={})
    assert names(diagnose.diagnose(Told(tmp_path))) == ["s3-bucket-missing"]
    shows.update(keys=None)
    assert names(diagnose.diagnose(Told(tmp_path))) == []


def test_where_the_backend_does_not_tell_nobody_knows_who_works(tmp_path: Path) -> None:
    assert gathering.working(Told(tmp_path, backend="s3://states")) is None
    assert gathering.working(Told(tmp_path)) is False


FIRST = Cause("a", 1, "It is [bold] wrong.", "do this\nthen that", "pod/x: [red]")
SECOND = Cause("b", 2, "Less so.", "or that", certain=False)


def told(capsys: pytest.CaptureFixture[str], *found: Cause, denied: tuple[str, ...] = ()) -> str:
    diagnose.report(Diagnosis("dev", "mlflow", found, ("2 of 2 pods ready",), denied))
    return capsys.readouterr().err


def test_the_report_has_the_first_cause_and_the_others_below_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, FIRST, SECOND, denied=("nodes",)).splitlines() == [
        "✗ It is [bold] wrong.",
        "    seen  pod/x: [red]",
        "    fix   do this",
        "    fix   then that",
        "  also: Less so.",
        "    fix   or that",
        "ok: 2 of 2 pods ready",
        "not allowed to read: nodes",
    ]


def test_the_report_says_that_nothing_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys) == "Nothing wrong found in stack dev: 2 of 2 pods ready\n"


def test_as_json_a_cause_has_what_programs_need() -> None:
    plain = diagnose.as_json(Diagnosis("dev", "mlflow", (FIRST,), (), ()))
    assert json.loads(json.dumps(plain))["causes"] == [
        {
            "name": "a",
            "what": FIRST.what,
            "fix": FIRST.fix,
            "evidence": FIRST.evidence,
            "certain": True,
        }
    ]


@pytest.mark.parametrize("as_json", [True, False])
def test_the_command_ends_with_3_where_it_found_something(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *, as_json: bool
) -> None:
    found = Diagnosis("dev", "mlflow", (FIRST,), (), ())
    monkeypatch.setattr(diagnose, "diagnose", lambda _: found)
    with pytest.raises(typer.Exit) as exit_:
        command.diagnose("dev", as_json)
    assert exit_.value.exit_code == 3
    shown = capsys.readouterr()
    assert bool(shown.out) == as_json
    monkeypatch.setattr(diagnose, "diagnose", lambda _: Diagnosis("dev", "mlflow", (), (), ()))
    command.diagnose("dev", as_json)


def test_a_diagnosis_that_fails_is_no_second_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def fails(*_: object) -> None:
        raise OpsError("no such stack")

    monkeypatch.setattr(diagnose, "diagnose", fails)
    diagnose.explained(Told(tmp_path))
    assert "no diagnosis: no such stack" in capsys.readouterr().err
    monkeypatch.setattr(diagnose, "diagnose", lambda *_: Diagnosis("dev", "mlflow", (FIRST,), (), ()))
    diagnose.explained(Told(tmp_path))
    assert "fix   do this" in capsys.readouterr().err


def test_a_snapshot_tells_what_is_not_there_from_what_nobody_knows() -> None:
    seen = Snapshot("mlflow", "mlflow", {"issuers": None, "nodes": []})
    assert [seen.knows(kind) for kind in ("issuers", "nodes", "pods")] == [False, True, False]
    assert list(seen.all("issuers")) == []
