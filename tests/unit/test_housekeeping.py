"""`make gc`: what was shown is what goes, after a yes; with and without a schedule."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

import ops.__main__
from ops import housekeeping
from ops.at_work import at_work
from ops.console import OpsError
from tests.unit.cases import GCS, SECRETS
from tests.unit.jobs import BackedUp, Cluster, put_in_place

RUN = {
    "kind": "run",
    "id": "abc",
    "name": "[bold]ant",
    "experiment": "first",
    "deleted": 0,
    "what": "goes",
    "why": "",
    "objects": 2,
    "bytes": 2048,
}
USED = {**RUN, "id": "used", "what": "stays", "why": "registered models are made of it: fraud version 3"}
EXPERIMENT = {**RUN, "kind": "experiment", "id": "7", "objects": None, "bytes": None}
TOTAL = {"before": 86400000, "runs": 1, "experiments": 1, "objects": 2, "bytes": 2048, "stay": 1, "failed": 0}
NOTHING = {"before": 86400000, "runs": 0, "experiments": 0, "objects": 0, "bytes": 0, "stay": 0, "failed": 0}


def lines(*printed: dict[str, Any]) -> str:
    return "alembic says something\n" + "".join(f"{json.dumps(line)}\n" for line in printed)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """A cluster with something to remove; the stack has no schedule."""
    made = put_in_place(monkeypatch)
    made.printed["gc"] = lines(RUN, USED, EXPERIMENT, TOTAL)
    monkeypatch.setattr("ops.stack.Stack", lambda name: BackedUp())
    return made


def run(*args: str, answers: str = "") -> Any:
    return CliRunner().invoke(ops.__main__.app, ["gc", "--stack", "dev", *args], input=answers)


def removed() -> dict[str, Any]:
    """What was deleted goes, whatever its age."""
    return housekeeping.remove(*housekeeping.opened(BackedUp()), None, None)


def commands(cluster: Cluster) -> list[str]:
    """What the pods were to do."""
    return [body["spec"]["template"]["spec"]["containers"][0]["command"][-1] for body in cluster.made]


def variable(cluster: Cluster, name: str) -> str | None:
    """A variable of the last pod."""
    env = cluster.made[-1]["spec"]["template"]["spec"]["containers"][0]["env"]
    return next((one["value"] for one in env if one["name"] == name), None)


def test_a_dry_run_lists_and_removes_nothing_and_asks_nothing(cluster: Cluster) -> None:
    printed = run("--dry-run").stdout
    assert commands(cluster) == ["list"]
    for told in ("run abc", "1970-01-01", "2.0 KiB", "not counted"):
        assert told in printed
    assert "run used stays: registered models are made of it: fraud version 3\n" in printed
    told = (
        "dev, deleted up to 1970-01-02 00:00 UTC: to remove: 1 run and 1 experiment with 2.0 KiB in 2 objects"
    )
    assert told in printed
    assert cluster.jobs == cluster.maps == {}


def test_a_dry_run_s_json_stands_alone_on_standard_output(cluster: Cluster) -> None:
    assert json.loads(run("--dry-run", "--json").stdout) == {**TOTAL, "items": [RUN, USED, EXPERIMENT]}


def test_what_is_asked_for_is_what_was_shown(cluster: Cluster) -> None:
    said = run(answers="y\n")
    assert "Remove 1 run and 1 experiment with 2.0 KiB in 2 objects for good? [y/N]" in said.output
    assert commands(cluster) == ["list", "remove"]
    assert variable(cluster, "HOUSEKEEPING_BEFORE") == "86400000"
    assert variable(cluster, "HOUSEKEEPING_OLDER_THAN") == str(30 * 86400000)
    assert cluster.jobs == cluster.maps == {}


def test_a_no_removes_nothing(cluster: Cluster) -> None:
    assert run(answers="n\n").exit_code == 1
    assert commands(cluster) == ["list"]


def test_nothing_to_remove_asks_nothing(cluster: Cluster) -> None:
    cluster.printed["gc"] = lines(NOTHING)
    said = run()
    assert said.exit_code == 0
    assert "to remove: nothing" in said.stdout
    assert commands(cluster) == ["list"]


def test_with_yes_it_removes_at_once_what_is_old_enough_then(cluster: Cluster) -> None:
    cluster.printed["gc"] = lines({**RUN, "what": "removed"}, {**TOTAL, "runs": 2, "experiments": 0})
    printed = run("--yes", "--older-than", "1d12h").stdout
    assert commands(cluster) == ["remove"]
    assert variable(cluster, "HOUSEKEEPING_BEFORE") is None
    assert variable(cluster, "HOUSEKEEPING_OLDER_THAN") == str(129600000)
    assert "removed 2 runs with" in printed
    assert json.loads(run("--yes", "--json").stdout)["runs"] == 2


def test_a_wrong_duration_is_wrong_usage(cluster: Cluster) -> None:
    said = run("--older-than", "4w")
    assert said.exit_code == 2
    assert "the units are d, h, m and s" in said.output
    assert cluster.made == []


def test_its_job_is_known_by_its_labels_takes_its_program_along_and_goes_by_itself(cluster: Cluster) -> None:
    seen: dict[str, Any] = {}
    ended = cluster.note

    def note(what: str) -> None:
        seen.update(cluster.owners)
        ended(what)

    cluster.note = note  # type: ignore[method-assign]
    run("--yes")
    (body,) = cluster.made
    assert body["metadata"]["labels"].items() >= at_work("mlflow")["housekeeping"].items()
    assert body["spec"]["ttlSecondsAfterFinished"] > 0
    ((name, (owner,)),) = seen.items()
    assert name.startswith("mlflow-gc-remove-")
    assert (owner["name"], owner["uid"]) == (body["metadata"]["name"], "uid-1")
    volumes = body["spec"]["template"]["spec"]["volumes"]
    assert volumes[0]["configMap"]["name"] == name


@pytest.mark.parametrize("what", ["a backup", "housekeeping"])
def test_beside_another_it_is_refused_and_leaves_nothing(cluster: Cluster, what: str) -> None:
    cluster.jobs["mlflow-x-1"] = {"metadata": {"labels": at_work("mlflow")[what]}}
    with pytest.raises(OpsError, match=f"{what} is under way, job mlflow-x-1"):
        removed()
    assert (cluster.made, cluster.maps) == ([], {})
    housekeeping.look(*housekeeping.opened(BackedUp()), None)


def test_what_could_be_removed_is_told_when_some_could_not(
    cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.failing = "gc"
    why = "error: the store refuses DeleteObject: AccessDenied"
    failed = {**RUN, "id": "kept", "what": "failed", "why": why}
    told = "error: 1 of 2 could not be removed and are tried again the next time, as run kept: it is refused"
    total = {**TOTAL, "experiments": 0, "failed": 1}
    cluster.printed["gc"] = lines({**RUN, "what": "removed"}, failed, total) + told
    with pytest.raises(OpsError, match=r"^gc: 1 of 2 could not be removed and are tried again the next time"):
        removed()
    said = capsys.readouterr().err
    assert "removed 1 run" in said
    assert f"run kept failed: {why}" in said
    assert cluster.jobs == cluster.maps == {}


def test_a_pod_that_was_cut_short_is_told_as_far_as_it_came(
    cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.failing = "gc"
    cluster.printed["gc"] = lines({**RUN, "what": "removed"})
    with pytest.raises(OpsError, match=r"^gc: "):
        removed()
    assert "abc" in capsys.readouterr().err
    cluster.printed["gc"] = "error: a restore is under way, or was cut short: nothing was removed"
    with pytest.raises(OpsError, match=r"^gc: a restore is under way"):
        removed()
    assert capsys.readouterr().err.count("abc") == 0


def test_why_a_pod_never_ran_is_told_though_it_has_no_log(cluster: Cluster) -> None:
    cluster.stuck = {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}
    cluster.given_up = True
    with pytest.raises(OpsError, match=r"does not run: gc ImagePullBackOff: no such image"):
        removed()
    assert cluster.jobs == cluster.maps == {}


def test_a_line_that_was_cut_off_hides_no_cause(cluster: Cluster) -> None:
    cluster.failing = "gc"
    cluster.printed["gc"] = 'error: the database is away\n{"kind": "ru'
    with pytest.raises(OpsError, match=r"^gc: the database is away"):
        removed()


def test_a_job_that_could_not_be_given_its_program_is_ended(cluster: Cluster) -> None:
    cluster.cut = "config map"
    with pytest.raises(KeyboardInterrupt):
        removed()
    assert len(cluster.made) == 1
    assert cluster.jobs == cluster.maps == {}


def test_no_secret_stands_among_the_settings_of_the_target(cluster: Cluster) -> None:
    """They are read with the others, in one look."""
    target, settings = housekeeping.opened(BackedUp())
    assert not target.config.keys() & SECRETS.keys()
    assert settings.release_name == target.release


def test_a_stack_that_it_does_not_fit_is_told_before_the_cluster_is_asked(cluster: Cluster) -> None:
    given = {key: value or "" for key, value in GCS.items()}
    stack = BackedUp(
        **given, s3AccessKeyId="", s3SecretAccessKey="", workloadIdentity="true", artifactsProxied="false"
    )
    with pytest.raises(OpsError, match="true with housekeeping and artifactStore gcs"):
        housekeeping.opened(stack)
    assert (cluster.made, cluster.maps) == ([], {})
