"""`make restore`: what is refused changes nothing, and the server runs again whatever happens."""

from __future__ import annotations

import itertools
import json
import re
from functools import partial
from typing import Any

import pytest
from kubernetes.client.exceptions import ApiException
from typer.testing import CliRunner
from urllib3.exceptions import HTTPError, MaxRetryError, ProtocolError

import ops.__main__
from components import backup_pods
from ops import cluster as api
from ops import restore, verify
from ops.at_work import at_work
from ops.console import OpsError
from ops.rotation import rollout
from tests.unit.cases import GCS
from tests.unit.jobs import PRINTED, BackedUp, Cluster, away, put_in_place

MAP = "mlflow-restore"


def refusal(message: str) -> ApiException:
    """The API server's refusal of an object."""
    made = ApiException(status=422, reason="Unprocessable Entity")
    made.body, made.headers = json.dumps({"message": message}), {"x": "Planted"}
    return made


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """A cluster with a server of two pods, whose login works afterwards."""
    made = put_in_place(monkeypatch)

    def signed_in(outputs: Any, config: Any) -> None:
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
    own = {"metadata": {"labels": backup_pods.selector("mlflow")}}
    another = {"metadata": {"labels": backup_pods.selector("mlflow-restore")}}
    cluster.jobs |= {"mlflow-restore-abc": own, "mlflow-backup-abc": own, "mlflow-restore-backup-1": another}
    restore.restore(BackedUp(), "latest", replace=False)
    assert replaces(cluster.made[0]) == "true"
    assert cluster.replicas == 2
    assert cluster.jobs.keys() == {"mlflow-backup-abc", "mlflow-restore-backup-1"}
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


def test_while_the_api_does_not_answer_it_is_asked_again(cluster: Cluster) -> None:
    jobs = ("list_namespaced_pod", "delete_namespaced_job")
    server = ("read_namespaced_deployment_scale", "scale to 0", "scale to 2")
    cluster.trouble = {method: away() for method in (*jobs, *server)}
    restore.restore(BackedUp(), "latest", replace=False)
    assert not any(cluster.trouble.values())
    untouched(cluster)


def test_an_api_that_stays_away_is_the_end(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "_PATIENCE", 0)
    cluster.trouble = {"read_namespaced_deployment_scale": away()}
    with pytest.raises(HTTPError):
        restore.restore(BackedUp(), "latest", replace=False)


def test_a_pod_that_does_not_go_keeps_nobody_and_the_server_is_put_back(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ops.jobs.time.monotonic", partial(next, itertools.count(step=100)))
    cluster.stays = True
    cluster.failing, cluster.printed["restore"] = "restore", "error: the disk is full"
    with pytest.raises(OpsError) as told:
        restore.restore(BackedUp(), "latest", replace=False)
    first, second = str(told.value).splitlines()
    assert first == "restore: the disk is full"
    assert re.search(
        r"pod (\S+) of job .* has not gone after 600 s: .*`kubectl delete pod \1 --force", second
    )
    assert cluster.happened[-2:] == ["scaled to 2", "2 pods are ready"]
    untouched(cluster)


def test_where_the_server_cannot_be_put_back_a_re_run_finishes(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "_PATIENCE", 0)
    cluster.trouble = {"scale to 2": [ApiException(status=500, reason="Internal Server Error")]}
    with pytest.raises(OpsError) as told:
        restore.restore(BackedUp(), "latest", replace=False)
    assert str(told.value).splitlines() == [
        "latest is restored",
        "the cluster answered 500 Internal Server Error",
        "The server is stopped: run the same command again to finish",
    ]
    assert cluster.replicas == 0
    restore.restore(BackedUp(), "latest", replace=False)
    assert replaces(cluster.made[1]) == "true"
    untouched(cluster)


def test_what_never_stopped_the_server_does_not_say_so(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "_PATIENCE", 0)
    cluster.failing, cluster.printed["fetch"] = "fetch", "error: it is corrupt"
    ended = cluster.note

    def note(what: str) -> None:
        cluster.trouble["read_namespaced_deployment_scale"] = [ApiException(status=403, reason="Forbidden")]
        ended(what)

    monkeypatch.setattr(cluster, "note", note)
    with pytest.raises(OpsError) as told:
        restore.restore(BackedUp(), "latest", replace=False)
    assert str(told.value) == "fetch: it is corrupt\nthe cluster answered 403 Forbidden"


def test_a_server_that_is_late_is_told_and_nothing_of_the_restore_is_left(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(target: Any, old: Any, *then: str) -> None:
        if cluster.replicas:
            raise OpsError("the new pods are not ready")

    monkeypatch.setattr(rollout, "gone", gone)
    with pytest.raises(OpsError, match=r"^latest is restored\nthe new pods are not ready$"):
        restore.restore(BackedUp(), "latest", replace=False)
    untouched(cluster)


# The command line.


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OpsError("no [such] stack"), "no [such] stack"),
        (ProtocolError("Connection aborted."), "the cluster does not answer: Connection aborted."),
        (MaxRetryError(Any, "/api/v1", OSError("refused")), "the cluster does not answer: refused"),  # type: ignore[arg-type]
        (HTTPError(), "the cluster does not answer: HTTPError"),
        (
            ApiException(status=503, reason="Service Unavailable"),
            "the cluster answered 503 Service Unavailable",
        ),
        (
            ApiException(
                status=0, reason="Handshake status 403 Forbidden -+-+- {'set-cookie': 'Planted'} -+-+-"
            ),
            "the cluster answered Handshake status 403 Forbidden",
        ),
        (refusal("pods is forbidden"), "the cluster answered 422 pods is forbidden"),
        (refusal('patch: Invalid value: "data: Planted"'), "the cluster answered 422 patch:"),
    ],
)
def test_what_the_cluster_answered_is_one_message_and_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception, said: str
) -> None:
    """Without headers, and without what it would quote."""

    def fails() -> None:
        raise error

    monkeypatch.setattr(ops.__main__, "app", fails)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    with pytest.raises(SystemExit) as ended:
        ops.__main__.main()
    assert (ended.value.code, capsys.readouterr().err) == (1, f"error: {said}\n")


def test_another_error_is_nobody_s_message(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(ops.__main__, "app", fails)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    with pytest.raises(ZeroDivisionError):
        ops.__main__.main()


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
    answers, asked = iter([503, 200]), []

    def status(url: str, auth: Any) -> int:
        asked.append((url, auth))
        return next(answers)

    monkeypatch.setattr(verify, "_status", status)
    monkeypatch.setattr(verify.signed_in.retry, "wait", lambda _: 0)
    verify.signed_in(outputs, {})
    assert asked == 2 * [(f"https://mlflow.example.com{verify.SEARCH}", ("user", "Planted"))]
