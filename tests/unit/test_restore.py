"""`make restore`: what is refused changes nothing, and the server runs again whatever happens."""

from __future__ import annotations

import json
from typing import Any

import pytest
from kubernetes.client.exceptions import ApiException
from typer.testing import CliRunner

import ops.__main__
from ops import restore, verify
from ops.at_work import at_work
from ops.console import OpsError
from ops.stack import Stack
from tests.unit.cases import GCS
from tests.unit.jobs import PRINTED, BackedUp, Cluster, put_in_place

MAP = "mlflow-restore"


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """A cluster with a server of two pods, whose login works afterwards."""
    made = put_in_place(monkeypatch)

    def signed_in(stack: Stack) -> None:
        assert made.replicas == 2
        made.happened.append("signed in")

    monkeypatch.setattr(restore, "signed_in", signed_in)
    return made


def replaces(body: Any) -> str:
    """Whether a Job gives up what the target has."""
    (last,) = body["spec"]["template"]["spec"]["containers"]
    return next(str(one["value"]) for one in last["env"] if one["name"] == "REPLACE")


def untouched(cluster: Cluster) -> None:
    assert cluster.replicas == 2
    assert cluster.jobs == cluster.maps == {}


def test_the_server_is_stopped_only_for_the_transactions(cluster: Cluster) -> None:
    assert restore.restore(BackedUp(), "latest", replace=False) == PRINTED["fetch"]
    assert cluster.happened == [
        "scaled to 0",
        "0 pods are ready",
        "go",
        "job ended",
        "scaled to 2",
        "2 pods are ready",
        "signed in",
    ]
    assert replaces(cluster.made[0]) == "false"
    untouched(cluster)


@pytest.mark.parametrize("failing", ["fetch", "check", "artifacts"])
def test_what_is_refused_changes_nothing(cluster: Cluster, failing: str) -> None:
    cluster.failing = failing
    cluster.printed[failing] = "error: it is corrupt"
    with pytest.raises(OpsError, match=f"{failing}: it is corrupt"):
        restore.restore(BackedUp(), "latest", replace=False)
    assert cluster.happened == ["job ended"]
    untouched(cluster)


def test_a_restore_that_fails_brings_the_server_back(cluster: Cluster) -> None:
    cluster.failing = "restore"
    with pytest.raises(OpsError, match="restore: it printed nothing"):
        restore.restore(BackedUp(), "latest", replace=False)
    assert cluster.happened[-2:] == ["scaled to 2", "2 pods are ready"]
    untouched(cluster)


@pytest.mark.parametrize("cut", ["scaled to 0", "0 pods are ready", "go"])
def test_ctrl_c_brings_the_server_back_after_the_job_is_ended(cluster: Cluster, cut: str) -> None:
    cluster.cut = cut
    with pytest.raises(KeyboardInterrupt):
        restore.restore(BackedUp(), "latest", replace=False)
    assert cluster.happened.index("job ended") < cluster.happened.index("scaled to 2")
    untouched(cluster)


def test_killed_while_the_server_is_stopped_a_re_run_finishes(cluster: Cluster) -> None:
    """What the target has then is nobody's but an earlier restore's."""
    cluster.replicas = 0
    cluster.maps[MAP] = {"annotations": {"mlflow.restore/begun": "2"}}
    cluster.jobs["mlflow-restore-abc"] = {}
    cluster.jobs["mlflow-backup-abc"] = {}
    restore.restore(BackedUp(), "latest", replace=False)
    assert replaces(cluster.made[0]) == "true"
    assert cluster.replicas == 2
    assert cluster.jobs.keys() == {"mlflow-backup-abc"}
    assert cluster.maps == {}


def test_where_somebody_has_started_the_server_meanwhile_its_contents_count(cluster: Cluster) -> None:
    cluster.maps[MAP] = {"annotations": {"mlflow.restore/begun": "2"}}
    restore.restore(BackedUp(), "latest", replace=False)
    assert replaces(cluster.made[0]) == "false"


def test_killed_before_anything_it_is_as_if_it_had_not_been(cluster: Cluster) -> None:
    cluster.maps[MAP] = {"data": {"of": "before"}}
    restore.restore(BackedUp(), "latest", replace=False)
    untouched(cluster)


def test_replacing_gives_up_what_is_there(cluster: Cluster) -> None:
    restore.restore(BackedUp(), "latest", replace=True)
    assert replaces(cluster.made[0]) == "true"


def test_a_stack_that_cannot_be_restored_into_is_refused_before_the_cluster_is_asked(
    cluster: Cluster,
) -> None:
    given = {key: value or "" for key, value in GCS.items()}
    stack = BackedUp(**given, s3AccessKeyId="", s3SecretAccessKey="", workloadIdentity="true")
    with pytest.raises(OpsError, match="nothing with artifactStore gcs"):
        restore.restore(stack, "latest", replace=False)
    with pytest.raises(OpsError, match="1 mistake in the settings"):
        restore.restore(BackedUp(trackingReplicas="0"), "latest", replace=False)
    untouched(cluster)


@pytest.mark.parametrize("begun", [False, True])
def test_beside_housekeeping_it_is_refused_and_nothing_is_touched(cluster: Cluster, begun: bool) -> None:
    """What was cut short still is: housekeeping that begins sees it."""
    if begun:
        cluster.maps[MAP] = {"annotations": {"mlflow.restore/begun": "2"}}
    cluster.jobs["mlflow-gc-1"] = {"metadata": {"labels": at_work("mlflow")["housekeeping"]}}
    with pytest.raises(OpsError, match="housekeeping is under way, job mlflow-gc-1"):
        restore.restore(BackedUp(), "latest", replace=False)
    assert cluster.made == []
    assert (MAP in cluster.maps) == begun


def test_housekeeping_that_begins_meanwhile_sees_the_restore(cluster: Cluster) -> None:
    cluster.cut = "scaled to 0"
    seen = []
    cluster.note = lambda what: seen.append("under-way" in cluster.maps.get(MAP, {}).get("data", {}))  # type: ignore[method-assign]
    restore.restore(BackedUp(), "latest", replace=False)
    assert seen[0] is True


def test_a_refusal_of_the_cluster_is_not_swallowed(cluster: Cluster) -> None:
    def refuse(*_: object) -> None:
        raise ApiException(status=403)

    cluster.read_namespaced_config_map = refuse  # type: ignore[method-assign, assignment]
    with pytest.raises(ApiException):
        restore.restore(BackedUp(), "latest", replace=False)


# The command line.


def run(*args: str, answers: str = "") -> Any:
    return CliRunner().invoke(
        ops.__main__.app, ["restore", "--from", "latest", "--stack", "dev", *args], input=answers
    )


@pytest.fixture
def command(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """The command line meets the stack."""
    monkeypatch.setattr("ops.stack.Stack", lambda name: BackedUp())
    return cluster


def test_it_asks_and_goes_on_where_it_is_told_to(command: Cluster) -> None:
    assert run(answers="n\n").exit_code == 1
    assert command.happened == []
    assert "restored 20260101T000000Z into dev" in run(answers="y\n").stdout
    assert json.loads(run("--yes", "--json").stdout) == PRINTED["fetch"]


def test_replacing_asks_for_the_stack_s_name(command: Cluster) -> None:
    assert run("--replace", answers="prod\n").exit_code == 1
    assert run("--replace", "--yes").exit_code == 2
    assert run("--replace", "--yes", "--confirm", "prod").exit_code == 2
    assert run("--yes", "--confirm", "dev").exit_code == 2
    assert command.happened == []
    assert run("--replace", answers="dev\n").exit_code == 0
    assert run("--replace", "--yes", "--confirm", "dev").exit_code == 0


def test_the_login_of_the_outputs_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    outputs = {
        "admin_username": "user",
        "admin_password": "Planted",
        "namespace": "mlflow",
        "release": {"name": "mlflow"},
        "tracking_url": "https://mlflow.example.com",
        "service_url": "http://mlflow-tracking.mlflow.svc",
    }
    answers = iter([503, 200])
    monkeypatch.setattr(Stack, "outputs", lambda self: outputs)
    monkeypatch.setattr(Stack, "config", lambda self: {})
    monkeypatch.setattr(verify, "_status", lambda url, auth: next(answers))
    verify.signed_in.retry.wait = lambda _: 0
    verify.signed_in(Stack("dev"))
