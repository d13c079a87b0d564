"""A run is ended for what cannot come, and for nothing else."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import pytest

from ops import cluster, diagnose, events, watch
from ops.causes import Cause
from ops.console import OpsError
from ops.snapshot import Snapshot
from ops.stack import Stack
from ops.watch import HOPELESS, OLD, Watcher
from tests.unit.objects import SETTINGS, named, record, snapshot


def claim(wanted: str, uid: str = "") -> Snapshot:
    """A release whose volume wants a class that is not there; revision 1."""
    pending = named("Claim", "data", uid, spec={"storageClassName": wanted}, status={"phase": "Pending"})
    objects = {"claims": [pending], "storage_classes": [], "secrets": [record(1, "pending-install")]}
    return snapshot(objects, working=True)


NOTHING = snapshot({})
WELL = snapshot({"secrets": [record(1, "pending-install")]}, working=True)


class Watched:
    """A watcher that is shown one snapshot after another."""

    def __init__(
        self, patch: pytest.MonkeyPatch, before: Snapshot | None, only: Collection[str] | None = None
    ) -> None:
        self.now = 0.0
        self.seen: Snapshot | None = before
        patch.setattr(Watcher, "_look", lambda _: self.seen)
        self.watcher = Watcher(SETTINGS, lambda: self.now, only)
        self.watcher._begun.result()

    def after(self, seconds: float, seen: Snapshot | None) -> bool:
        self.now, self.seen = self.now + seconds, seen
        return self.watcher.certain()


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    """Nothing was there before the run."""
    return Watched(monkeypatch, NOTHING)


def test_a_certain_cause_ends_the_run_once_it_has_stood(watched: Watched) -> None:
    assert not watched.after(2, claim("none"))
    assert not watched.after(2, claim("none"))
    assert watched.after(2, claim("none"))
    found = watched.watcher.found
    assert found is not None
    assert found.name == "storage-class-missing"


def test_causes_that_an_update_may_outlive_do_not_end_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that are named end it all the same."""
    assert not Watched(monkeypatch, NOTHING, HOPELESS).after(60, claim("none"))
    named = Watched(monkeypatch, NOTHING, {"storage-class-missing"})
    assert not named.after(2, claim("none"))
    assert named.after(4, claim("none"))


def test_a_cause_that_goes_away_begins_again(watched: Watched) -> None:
    assert not watched.after(2, claim("none"))
    assert not watched.after(2, WELL)
    assert not watched.after(2, claim("none"))
    assert not watched.after(2, claim("none"))
    assert watched.after(2, claim("none"))


def test_a_cluster_that_does_not_answer_ends_nothing(watched: Watched) -> None:
    assert not watched.after(2, claim("none"))
    assert not watched.after(9, None)


def test_what_belongs_to_the_revision_before_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until Helm has begun the new one."""
    watched = Watched(monkeypatch, claim("none"))
    for _ in range(9):
        assert not watched.after(2, claim("none"))


def second(seen: Snapshot) -> Snapshot:
    """The same while revision 2 is made."""
    return snapshot({**seen.objects, "secrets": [record(2, "pending-upgrade")]}, working=True)


def test_an_old_fault_has_time_to_be_seen_as_mended(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched(monkeypatch, claim("none"))
    assert not watched.after(0, second(claim("none")))
    assert not watched.after(OLD - 1, second(claim("none")))
    assert watched.after(1, second(claim("none")))


def test_an_old_fault_that_is_seen_anew_is_a_fault_of_this_run(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched(monkeypatch, claim("none"))
    assert not watched.after(0, second(claim("none")))
    assert not watched.after(9, second(claim("none", "another uid")))
    assert watched.after(4, second(claim("none", "another uid")))


def test_a_watcher_that_cannot_look_leaves_the_run_alone(watched: Watched) -> None:
    """Whatever is wrong with an object or with a rule."""
    assert not watched.after(2, snapshot({"secrets": [record(1, "deployed")], "pods": [{}]}))
    assert watched.watcher.broken is not None


def test_a_stack_without_a_cluster_leaves_the_run_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: Mapping[str, str]) -> None:
        raise OpsError("no such context")

    monkeypatch.setattr(cluster, "connect", refused)
    assert not Watcher(SETTINGS).certain()


class Failing(Stack):
    """A `pulumi up` that fails, after it was asked once whether that is enough."""

    def watched(self, *args: str, enough: Any, **_: Any) -> None:
        (log,) = (Path(arg.partition("=")[2]) for arg in args if arg.startswith("--event-log"))
        events = [
            {"diagnosticEvent": {"severity": "info", "message": "hello"}},
            {"diagnosticEvent": {"severity": "error", "message": "failed to pull"}},
            {"summaryEvent": {}},
        ]
        log.write_text("\n".join(map(json.dumps, events)))
        enough()
        raise OpsError("`pulumi up` failed")


@pytest.fixture
def explained(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the engine said, as it is given to a diagnosis afterwards."""
    given: list[str] = []
    monkeypatch.setattr(diagnose, "explained", lambda _, engine: given.append(engine))
    return given


def test_a_run_that_was_ended_says_cause_and_fix(
    monkeypatch: pytest.MonkeyPatch, explained: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    cause = Cause(
        "storage-class-missing", 15, "No such class.", "pulumi config set storageClass NAME", "a: b"
    )

    def certain(watcher: Watcher) -> bool:
        watcher.found, watcher.all = cause, [cause, Cause("other", 50, "Another.", "none")]
        return True

    monkeypatch.setattr(Watcher, "_begin", lambda _: None)
    monkeypatch.setattr(Watcher, "certain", certain)
    with pytest.raises(OpsError, match=r"^No such class\. Fix it"):
        watch.up(Failing("dev"), SETTINGS)
    told = capsys.readouterr().err
    assert "ended early" in told
    assert "fix   pulumi config set storageClass NAME" in told
    assert "also: Another." in told
    assert explained == []


def test_a_run_that_fails_by_itself_is_looked_into(
    monkeypatch: pytest.MonkeyPatch, explained: list[str]
) -> None:
    monkeypatch.setattr(Watcher, "_begin", lambda _: None)
    monkeypatch.setattr(Watcher, "certain", lambda _: False)
    with pytest.raises(OpsError, match="`pulumi up` failed"):
        watch.up(Failing("dev"), SETTINGS)
    assert explained == ["failed to pull"]


def test_what_a_run_did_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Good(Stack):
        def watched(self, *args: str, **_: Any) -> None:
            (log,) = (Path(arg.partition("=")[2]) for arg in args if arg.startswith("--event-log"))
            log.write_text('{"preludeEvent": {}}\n{"summaryEvent": {"resourceChanges": {"same": 9}}}\n')

    monkeypatch.setattr(Watcher, "_begin", lambda _: None)
    assert watch.up(Good("dev"), SETTINGS) == {"same": 9}


def test_an_engine_that_never_began_says_nothing(tmp_path: Path) -> None:
    assert list(events.errors(tmp_path / "none.json")) == []
    assert events.changes(tmp_path / "none.json") == {}


def test_a_log_that_was_cut_harms_nobody(tmp_path: Path) -> None:
    log = tmp_path / "events.json"
    log.write_text('{"diagnosticEvent": {"severity": "error", "message": "no"}}\n{"summaryEvent": {"resou')
    assert list(events.errors(log)) == ["no"]
    assert events.changes(log) == {}
