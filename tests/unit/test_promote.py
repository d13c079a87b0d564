"""The course of a promotion over stacks that only remember what was asked of them; no cluster."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer
import yaml
from typer.testing import CliRunner

from ops import (
    backup,
    cluster,
    drift,
    fit,
    promote,
    promotions,
    recover,
    repair,
    stack_file,
    watch,
    way_back,
)
from ops.__main__ import app
from ops.console import OpsError
from ops.finding import Finding
from ops.promote import Promotion
from ops.snapshot import Snapshot
from ops.stack import CONFIG_FILE, Stack
from tests.unit.test_coordinates import DEFAULTS

FILE = "# staging's\nconfig:\n  mlflow:context: lab # here\n  mlflow:trackingThreads: '32'\n"


@dataclass(frozen=True)
class Fake(Stack):
    """A stack with settings; `refuses` are beginnings of commands that fail."""

    settings: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    refuses: set[str] = field(default_factory=set)

    def _ask(self, *args: str) -> str:
        file = Path(self.env.get(CONFIG_FILE, "nothing"))
        threads = (
            yaml.safe_load(file.read_text())["config"]["mlflow:trackingThreads"] if file.exists() else ""
        )
        self.asked.append(f"{self.name} {' '.join(args)} ({threads})")
        for refused in self.refuses:
            if f"{' '.join(args)} ({threads})".startswith(refused):
                raise OpsError(f"{refused} failed")
        return ""

    def run(self, *args: str) -> None:
        self._ask(*args)

    def read(self, *args: str, stdin: str = "") -> str:
        return self._ask(*args)

    def config(self) -> dict[str, str]:
        return {**DEFAULTS, **self.settings}


class World:
    """Two stacks, and what is found of them; `told` is all that happened, in order."""

    def __init__(self, folder: Path) -> None:
        self.told: list[str] = []
        self.file = folder / "Pulumi.staging.yaml"
        self.file.write_text(FILE)
        env = {CONFIG_FILE: str(self.file)}
        self.source = Fake("dev", {}, {"trackingThreads": "31"}, self.told)
        self.target = Fake("staging", env, {}, self.told)
        self.found: dict[str, list[Finding]] = {"dev": [], "staging": []}
        self.sick: set[str] = set()

    @property
    def wanted(self) -> Promotion:
        return promote.plan(self.source, self.target, self.file)

    def verified(self, stack: Fake, config: Mapping[str, str]) -> SimpleNamespace:
        text = stack._ask("VERIFY")
        for sick in self.sick:
            if self.told[-1].startswith(sick):
                raise RuntimeError(f"{sick} does not answer{text}")
        return SimpleNamespace(run_id="run-1")

    @property
    def done(self) -> list[str]:
        """What was changed, first words only."""
        words = ("up", "VERIFY", "stack tag")
        return [told for told in self.told if told.split(" ", 1)[1].startswith(words)]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(tmp_path)
    monkeypatch.setattr(drift, "look", lambda stack, _: made.found[stack.name])
    monkeypatch.setattr(repair, "repair", lambda _: made.told.append("- REPAIRED"))
    for module in (fit, promote, way_back):
        monkeypatch.setattr(module, "verified", made.verified)
    monkeypatch.setattr(recover, "recover", lambda _: [])
    monkeypatch.setattr(watch, "up", lambda stack, settings, message, only: stack.run(*UP.split(), message))
    monkeypatch.setattr(cluster, "connect", lambda _: None)
    monkeypatch.setattr(way_back, "Reader", lambda *_: SimpleNamespace(take=lambda _: Snapshot("", "")))
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(typer, "confirm", lambda *_, **__: not made.told.append("- ASKED"))  # type: ignore[func-returns-value]
    return made


UP = "up --yes --skip-preview --suppress-outputs --message"


def test_a_promotion_is_verified_written_and_recorded(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    promote.carry_out(world.wanted, yes=False)
    up = f"staging {UP} promoted from dev: trackingThreads 32 -> 31 (31)"
    asked = world.told.index("- ASKED")
    assert world.told[asked - 1 : asked + 3] == [
        "staging preview --diff (31)",
        "- ASKED",
        up,
        "staging VERIFY (31)",
    ]
    assert world.file.read_text() == FILE.replace("'32'", "'31'")
    assert not world.file.with_name("Pulumi.staging.yaml.new").exists()
    line = (world.file.parent / promotions.LOG).read_text()
    when, _, what = line.partition(" ")
    assert what == "dev -> staging: trackingThreads 32 -> 31 (verified by run run-1)\n"
    assert len(when) == len("2026-11-25T01:03:02Z")
    tags = [told for told in world.told if " stack tag set " in told]
    assert [tag.split()[4] for tag in tags] == ["promoted:from", "promoted:at", "promoted:what"]
    assert "promoted:what trackingThreads=31" in tags[2]
    assert "trackingThreads" in capsys.readouterr().out


def test_a_second_promotion_adds_a_line(world: World) -> None:
    (world.file.parent / promotions.LOG).write_text("before\n")
    promote.carry_out(world.wanted, yes=True)
    assert "- ASKED" not in world.told
    assert (world.file.parent / promotions.LOG).read_text().startswith("before\n20")


def test_nothing_to_promote_asks_nothing(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.source.settings.clear()
    promote.carry_out(world.wanted, yes=True)
    assert promote.look(world.wanted, as_json=False) == 0
    assert world.told == []
    assert capsys.readouterr().out == "Nothing to promote: staging has the release of dev\n" * 2


def test_a_check_only_looks(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert promote.look(world.wanted, as_json=False) == 3
    assert "trackingThreads" in capsys.readouterr().out
    assert [told for told in world.done if "VERIFY" not in told] == []
    assert world.told[-1] == "staging preview --diff (31)"
    assert world.file.read_text() == FILE


def test_a_check_s_json_stands_alone_on_standard_output(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert promote.look(world.wanted, as_json=True) == 3
    assert json.loads(capsys.readouterr().out) == {
        "from": "dev",
        "to": "staging",
        "moves": [{"key": "trackingThreads", "before": "32", "after": "31"}],
        "backup": "needless",
    }


def finds(stack: str, kind: str) -> Callable[[World], Any]:
    """Makes drift find something of this kind in a stack."""
    found = Finding(kind, "Deployment x: replicas", "1", None, "put it back")
    return lambda world: world.found[stack].append(found)


REFUSALS: dict[str, tuple[Callable[[World], Any], str]] = {
    "a source that is not deployed so": (
        finds("dev", "settings"),
        "dev does not run what its settings say .*`pulumi up --stack dev`",
    ),
    "a target that is not deployed so": (
        finds("staging", "settings"),
        "staging does not run what its settings say .*`pulumi up --stack staging`",
    ),
    "a source that drifted": (finds("dev", "object"), "dev has drifted .above., so it is not promoted"),
    "a target with a release of somebody else's": (
        finds("staging", "release"),
        "staging does not run the release that was deployed .above.: bring it back first",
    ),
    "a source that is not healthy": (
        lambda world: world.sick.add("dev"),
        "dev is not healthy, so it is not promoted: dev does not answer",
    ),
    "a release that the target's chart refuses": (
        lambda world: world.target.refuses.update({"preview --diff (31)", "preview (31)"}),
        "staging refuses this release .*nothing was changed",
    ),
}


@pytest.mark.parametrize("only_look", [True, False])
@pytest.mark.parametrize("refusal", list(REFUSALS))
def test_refused_before_anything_changes(world: World, refusal: str, *, only_look: bool) -> None:
    provoke, words = REFUSALS[refusal]
    provoke(world)
    with pytest.raises(OpsError, match=f"(?s){words}"):
        promote.look(world.wanted, as_json=True) if only_look else promote.carry_out(world.wanted, yes=True)
    assert [told for told in world.done if "VERIFY" not in told] == []
    assert world.file.read_text() == FILE
    assert not (world.file.parent / promotions.LOG).exists()


def test_a_target_that_drifted_is_told(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    finds("staging", "object")(world)
    promote.carry_out(world.wanted, yes=True)
    told = capsys.readouterr().err
    assert "Deployment x: replicas" in told
    assert "staging has drifted (above): an update puts back what the chart sets" in told


def test_who_cannot_be_asked_must_have_said_yes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False)
    with pytest.raises(OpsError, match=r"nobody is here to confirm: give --yes"):
        promote.carry_out(world.wanted, yes=False)
    assert world.told == []


def test_a_no_changes_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def no(*_: object, **__: object) -> None:
        raise typer.Abort

    monkeypatch.setattr(typer, "confirm", no)
    with pytest.raises(typer.Abort):
        promote.carry_out(world.wanted, yes=False)
    assert world.file.read_text() == FILE


# A version moves: a backup first.


@pytest.fixture
def version(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A newer chart in the source; backups only remember that they were asked for."""
    world.source.settings["chartVersion"] = "5.2.0"
    world.file.write_text(f"{FILE}  mlflow:chartVersion: 5.1.17\n")

    def backed_up(stack: Fake, config: Mapping[str, str]) -> dict[str, Any]:
        stack._ask("BACKUP")
        return {}

    monkeypatch.setattr(backup, "backup", backed_up)
    monkeypatch.setattr(backup, "report", lambda _: None)
    return world


def test_a_target_with_backups_is_backed_up_before_anything_changes(
    version: World, capsys: pytest.CaptureFixture[str]
) -> None:
    version.target.settings["backupSchedule"] = "@daily"
    promote.carry_out(version.wanted, yes=False)
    asked, backed = version.told.index("- ASKED"), version.told.index("staging BACKUP (32)")
    assert asked < backed < next(at for at, told in enumerate(version.told) if told.startswith("staging up"))
    printed = capsys.readouterr().out
    assert "backup first: staging is backed up before chartVersion moves" in printed


def test_what_moves_without_a_version_needs_no_backup(version: World) -> None:
    version.source.settings.pop("chartVersion")
    version.target.settings["backupSchedule"] = "@daily"
    promote.carry_out(version.wanted, yes=True)
    assert "staging BACKUP (32)" not in version.told


def test_a_backup_that_fails_is_the_end_and_nothing_was_changed(version: World) -> None:
    version.target.settings["backupSchedule"] = "@daily"
    version.target.refuses.add("BACKUP")
    with pytest.raises(OpsError, match=r"could not be backed up, so nothing was changed: BACKUP failed"):
        promote.carry_out(version.wanted, yes=True)
    assert [told for told in version.done if not told.startswith("dev VERIFY")] == []


@pytest.mark.parametrize("schedule", ["", "@daily"])
def test_without_a_backup_where_that_is_said(
    version: World, capsys: pytest.CaptureFixture[str], schedule: str
) -> None:
    version.target.settings.update({"production": "true", "backupSchedule": schedule})
    wanted = promote.plan(version.source, version.target, version.file, no_backup=True)
    promote.carry_out(wanted, yes=True)
    assert "no backup of staging (--no-backup)" in capsys.readouterr().out
    assert "staging BACKUP (32)" not in version.told


def test_production_without_backups_is_refused_and_another_stack_is_warned(
    version: World, capsys: pytest.CaptureFixture[str]
) -> None:
    promote.look(version.wanted, as_json=True)
    assert json.loads(capsys.readouterr().out)["backup"] == "missing"
    promote.carry_out(version.wanted, yes=True)
    assert "no backup: staging has no backupSchedule, and chartVersion moves" in capsys.readouterr().out
    version.target.settings["production"] = "true"
    with pytest.raises(OpsError, match=r"(?s)in production and has no backups.*--no-backup"):
        _ = version.wanted


def test_where_there_can_be_no_backup_nobody_is_told_to_schedule_one(
    version: World, capsys: pytest.CaptureFixture[str]
) -> None:
    version.target.settings["artifactStore"] = "gcs"
    promote.look(version.wanted, as_json=False)
    said = capsys.readouterr().out
    assert "no backup: there are none with the artifactStore of staging, and chartVersion moves" in said
    assert "--no-backup" in said
    version.target.settings["production"] = "true"
    with pytest.raises(OpsError, match=r"none with artifactStore gcs: .* go without: --no-backup$") as told:
        _ = version.wanted
    assert "backupSchedule" not in str(told.value)


def test_a_way_back_that_fails_names_the_backup_that_was_made_before(version: World) -> None:
    version.target.settings["backupSchedule"] = "@daily"
    wanted = version.wanted
    version.sick.add("staging")
    with pytest.raises(OpsError) as caught:
        promote.carry_out(wanted, yes=True)
    assert "`pulumi up --stack staging`\nA newer MLflow may have migrated the database" in str(caught.value)
    assert "`make restore STACK=staging FROM=latest ARGS=--replace` brings back" in str(caught.value)


FAILURES: dict[str, Callable[[World], Any]] = {
    "the update fails": lambda world: world.target.refuses.add(f"{UP} promoted"),
    "the server does not work": lambda world: world.sick.add("staging VERIFY (31)"),
}


@pytest.mark.parametrize("failure", list(FAILURES))
def test_a_failed_promotion_goes_back_and_says_so(world: World, failure: str) -> None:
    FAILURES[failure](world)
    with pytest.raises(OpsError) as caught:
        promote.carry_out(world.wanted, yes=True)
    assert str(caught.value).startswith("the promotion of dev to staging failed: ")
    assert str(caught.value).endswith(
        "staging is on its old version, running and verified; its stack file is unchanged"
    )
    assert world.done[-2:] == [
        f"staging {UP} back from a failed promotion of dev (32)",
        "staging VERIFY (32)",
    ]
    assert world.file.read_text() == FILE
    assert not (world.file.parent / promotions.LOG).exists()


def test_an_interrupted_promotion_goes_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(stack: Fake, config: Mapping[str, str]) -> SimpleNamespace:
        if "(31)" in world.verified(stack, config).run_id + world.told[-1] and stack.name == "staging":
            raise KeyboardInterrupt
        return SimpleNamespace(run_id="run-1")

    monkeypatch.setattr(promote, "verified", interrupted)
    with pytest.raises(OpsError, match=r"(?s)it was interrupted.*its stack file is unchanged"):
        promote.carry_out(world.wanted, yes=True)
    assert world.done[-1] == "staging VERIFY (32)"


def test_a_file_that_cannot_be_written_is_a_failure(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(stack_file, "replace", full)
    with pytest.raises(OpsError, match=r"(?s)no space left.*staging is on its old version"):
        promote.carry_out(world.wanted, yes=True)


def test_a_way_back_that_fails_is_told_with_what_to_do(world: World) -> None:
    world.sick.add("staging")
    with pytest.raises(
        OpsError, match=r"(?s)failed: staging does not.*Going back failed too: staging"
    ) as caught:
        promote.carry_out(world.wanted, yes=True)
    assert str(caught.value).endswith("`make recover STACK=staging`, then `pulumi up --stack staging`")
    assert world.file.read_text() == FILE


def test_what_was_cut_short_is_recovered_on_the_way_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mend(_: Stack) -> list[str]:
        world.told.append("- RECOVERED")
        return []

    monkeypatch.setattr(recover, "recover", mend)
    way_back.take(world.target, world.target.config(), "back")
    assert world.told == ["- RECOVERED", f"staging {UP} back (32)", "- REPAIRED", "staging VERIFY (32)"]


def test_a_file_that_changed_meanwhile_keeps_that_change(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def verified(stack: Fake, config: Mapping[str, str]) -> SimpleNamespace:
        if stack.name == "staging":
            world.file.write_text(f"{FILE}# added meanwhile\n")
        return SimpleNamespace(run_id="run-1")

    monkeypatch.setattr(promote, "verified", verified)
    promote.carry_out(world.wanted, yes=True)
    assert world.file.read_text() == f"{FILE}# added meanwhile\n".replace("'32'", "'31'")


def test_a_backend_without_tags_keeps_the_log(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.target.refuses.add("stack tag")
    promote.carry_out(world.wanted, yes=True)
    assert (world.file.parent / promotions.LOG).exists()
    assert "not tagged" in capsys.readouterr().err


def test_a_log_that_cannot_be_written_is_told_with_its_line(world: World) -> None:
    (world.file.parent / promotions.LOG).mkdir()
    with pytest.raises(OpsError, match=r"not logged .* the line is: 20.* dev -> staging: trackingThreads"):
        promote.carry_out(world.wanted, yes=True)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--from", "dev"], "--to"),
        (["--from", "dev", "--to", "dev"], "cannot be promoted to itself"),
        (["--from", "dev", "--to", "staging", "--json"], "goes with --check"),
    ],
)
def test_wrong_usage_is_exit_code_2(args: list[str], words: str) -> None:
    said = CliRunner().invoke(app, ["promote", *args])
    assert (said.exit_code, words in said.output) == (2, True)


def test_a_check_that_finds_something_is_exit_code_3(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    stacks = {"dev": world.source, "staging": world.target}
    monkeypatch.setattr(stack_file, "stack", lambda name, *_: stacks[name])
    monkeypatch.setattr(stack_file, "find", lambda *_: world.file)
    args = ["promote", "--from", "dev", "--to", "staging", "--check"]
    assert CliRunner().invoke(app, args).exit_code == 3
    world.source.settings.clear()
    assert CliRunner().invoke(app, args).exit_code == 0
