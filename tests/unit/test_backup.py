"""`make backup`: a Job of the stack's own CronJob, watched; what was stored, or why not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from kubernetes.client.exceptions import ApiException
from typer.testing import CliRunner

import ops.__main__
from components.backup import backups
from components.settings import parse
from ops import backup
from ops.at_work import at_work
from ops.console import OpsError
from ops.jobs import Job
from ops.rotation.target import Target
from tests.unit.jobs import PRINTED, SETTINGS, STORED, BackedUp, Cluster, away, put_in_place


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """A cluster whose stack has a CronJob."""
    made = put_in_place(monkeypatch)
    scheduled = backups(parse({**SETTINGS, "backupSchedule": "@daily"}))
    assert scheduled
    made.cron_job = {"metadata": {"name": "mlflow-backup", "uid": "1"}, "spec": scheduled.cron_job()}
    return made


def test_it_runs_the_cron_job_s_own_pod_once_and_belongs_to_it(cluster: Cluster) -> None:
    assert backup.backup(BackedUp()) == PRINTED["store"]
    ((name, body),) = cluster.jobs.items()
    assert name.startswith("mlflow-backup-now-")
    assert body["metadata"]["ownerReferences"][0]["uid"] == "1"
    assert body["spec"]["backoffLimit"] == 0
    assert cluster.cron_job
    wanted = cluster.cron_job["spec"]["jobTemplate"]["spec"]["template"]
    assert body["spec"]["template"] == wanted


def test_while_the_api_does_not_answer_it_is_asked_again(cluster: Cluster) -> None:
    cluster.trouble = {"list_namespaced_pod": away(), "read_namespaced_job": away()}
    assert backup.backup(BackedUp()) == PRINTED["store"]
    assert not any(cluster.trouble.values())


def test_a_stack_without_backups_is_told_how_to_have_them(cluster: Cluster) -> None:
    cluster.cron_job = None
    with pytest.raises(OpsError, match="pulumi config set backupSchedule @daily --stack dev"):
        backup.backup(BackedUp())


def under_way(what: str) -> dict[str, Any]:
    """A Job that somebody has begun: its labels say what it does."""
    labels = at_work("mlflow")[what]
    template = {"spec": {"containers": [{"name": "first"}]}}
    return {"metadata": {"labels": {**labels, "more": "x"}}, "spec": {"template": template}}


@pytest.mark.parametrize("what", ["a backup", "housekeeping"])
def test_two_at_a_time_are_refused_whoever_began_the_other(cluster: Cluster, what: str) -> None:
    cluster.jobs["mlflow-x-1"] = under_way(what)
    with pytest.raises(OpsError, match=f"{what} is under way, job mlflow-x-1: wait until it ends"):
        backup.backup(BackedUp())
    assert cluster.jobs.keys() == {"mlflow-x-1"}
    cluster.done["mlflow-x-1"] = 9
    backup.backup(BackedUp())


def test_of_two_begun_in_the_same_moment_neither_goes_on_unseen(cluster: Cluster) -> None:
    cluster.rival = under_way("a backup")
    with pytest.raises(OpsError, match="a backup is under way, job rival"):
        backup.backup(BackedUp())
    assert cluster.jobs.keys() == {"rival"}, "ours is gone"


def test_a_list_stands_in_nobody_s_way(cluster: Cluster) -> None:
    cluster.jobs["mlflow-backup-1"] = under_way("a backup")
    cluster.printed["store"] = json.dumps({"backups": {}})
    backup.listed(BackedUp())
    assert "labels" not in cluster.made[0]["metadata"]


def test_the_list_is_made_without_a_dump_and_its_job_goes(cluster: Cluster) -> None:
    cluster.printed["store"] = json.dumps({"backups": {}})
    assert backup.listed(BackedUp()) == {"backups": {}}
    assert cluster.made[0]["spec"]["template"]["spec"]["containers"][0]["command"][-1] == "list"
    assert cluster.jobs == {}


@pytest.mark.parametrize("failing", ["dump", "store"])
def test_a_container_that_fails_is_told_with_its_last_line(cluster: Cluster, failing: str) -> None:
    cluster.failing = failing
    cluster.printed[failing] = "begins\nerror: it is full\nbye\n"
    with pytest.raises(OpsError, match=f"^{failing}: it is full$"):
        backup.backup(BackedUp())
    cluster.printed[failing] = "\n"
    with pytest.raises(OpsError, match=f"^{failing}: it printed nothing$"):
        backup.backup(BackedUp())


def test_a_container_without_memory_is_told_with_the_setting(cluster: Cluster) -> None:
    cluster.failing, cluster.ended, cluster.printed["store"] = "store", {"reason": "OOMKilled"}, ""
    with pytest.raises(OpsError) as told:
        backup.backup(BackedUp())
    assert str(told.value) == (
        "store: it printed nothing (OOMKilled; it needs more memory than its limit:"
        " `pulumi config set --path backupResources.limits.memory 2Gi`, `pulumi up`)"
    )
    with pytest.raises(OpsError, match=r"OOMKilled; it needs more memory than its limit\)$"):
        started(cluster, 60).ended("store")


def test_a_pod_that_was_evicted_is_told_though_its_log_has_gone(cluster: Cluster) -> None:
    cluster.failing, cluster.ended = "dump", {"reason": "Error"}
    cluster.pod = {"reason": "Evicted", "message": "The node was low on resource: memory."}
    cluster.trouble = {"read_namespaced_pod_log": [ApiException(status=404)]}
    evicted = r"\(the pod was ended, Evicted: The node was low on resource: memory\.\)$"
    with pytest.raises(OpsError, match=rf"^dump: its log cannot be read {evicted}"):
        backup.backup(BackedUp())
    cluster.jobs.clear()
    cluster.stuck, cluster.pod = {}, {"reason": "DeadlineExceeded"}
    with pytest.raises(OpsError, match=r"does not run: the pod was ended, DeadlineExceeded$"):
        started(cluster).ended("dump")


def test_a_stack_whose_store_has_no_backups_is_not_told_to_schedule_some(cluster: Cluster) -> None:
    cluster.cron_job = None
    with pytest.raises(OpsError, match=r"there are none with artifactStore gcs\. .*--no-backup") as told:
        backup.backup(BackedUp(artifactStore="gcs"))
    assert "backupSchedule" not in str(told.value)


def of(cluster: Cluster, timeout: int) -> Target:
    """A stack in this cluster."""
    return Target(BackedUp(), {**SETTINGS, "namespace": "mlflow", "timeout": str(timeout)}, cluster)  # type: ignore[arg-type]


def started(cluster: Cluster, timeout: int = 0) -> Job:
    assert cluster.cron_job
    return Job.begin(of(cluster, timeout), "job", cluster.cron_job["spec"]["jobTemplate"]["spec"])


def test_a_pod_that_does_not_start_is_told_with_kubernetes_own_words(cluster: Cluster) -> None:
    cluster.stuck = {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}
    with pytest.raises(OpsError, match="dump ImagePullBackOff: no such image"):
        started(cluster).ended("dump")
    cluster.stuck = {}
    with pytest.raises(OpsError, match="Pending"):
        started(cluster).ended("dump")


def test_a_job_without_a_pod_is_given_up(cluster: Cluster) -> None:
    cluster.gone = cluster.given_up = True
    with pytest.raises(OpsError, match="it has no pod; `kubectl describe job` shows why"):
        Job.begin(of(cluster, 60), "job", {}).ended("dump")


def test_ending_a_job_that_is_gone_is_no_fault(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    Job(of(cluster, 0), "gone").end()


def test_while_a_container_works_nobody_loses_patience(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks = iter(range(1000))
    monkeypatch.setattr("ops.jobs.time.monotonic", lambda: next(ticks))
    started(cluster, 2).ended("store")


def test_a_container_that_somebody_injected_neither_fails_the_backup_nor_buys_it_time(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.injected = [{"name": "proxy", "state": {"terminated": {"exitCode": 1}}}]
    assert backup.backup(BackedUp()) == PRINTED["store"]
    ticks = iter(range(9))
    monkeypatch.setattr("ops.jobs.time.monotonic", lambda: next(ticks))
    cluster.injected = [{"name": "proxy", "state": {"running": {}}}]
    cluster.stuck = {"waiting": {"reason": "ImagePullBackOff"}}
    with pytest.raises(OpsError, match="dump ImagePullBackOff"):
        started(cluster, 2).ended("dump")


def test_one_that_never_ends_is_told_and_not_waited_for(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.injected = [{"name": "proxy", "state": {"running": {}}}]
    job = started(cluster, 60)
    job.ended("store")
    ticks = iter(range(9))
    monkeypatch.setattr("ops.jobs.time.monotonic", lambda: next(ticks))
    with pytest.raises(OpsError, match=r"does not end: proxy still runs.*kubectl -n mlflow delete job"):
        Job(of(cluster, 2), job.name).closed()


# The command line.


def run(*args: str) -> Any:
    return CliRunner().invoke(ops.__main__.app, ["backup", "--stack", "dev", *args])


@pytest.fixture
def command(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """The command line meets the stack."""
    monkeypatch.setattr("ops.stack.Stack", lambda name: BackedUp())
    return cluster


def test_what_was_stored_is_told_with_sizes_rows_and_checksums(command: Cluster) -> None:
    printed = run().stdout
    assert "stored 20260101T000000Z in s3://mlflow/backups/" in printed
    assert "runs       2.0 KiB, 15 rows in 2 tables, sha256 abc" in printed
    assert "artifacts  5.0 MiB in 3 objects, sha256 of their list abc" in printed
    assert "deleted" not in printed
    assert json.loads(run("--json").stdout) == PRINTED["store"]


def test_what_was_deleted_is_told_too_and_that_there_are_no_artifacts(command: Cluster) -> None:
    stored = {**STORED, "artifacts": None}
    command.printed["store"] = json.dumps(
        {**PRINTED["store"], "stored": stored, "deleted": ["20250101T000000Z"]}
    )
    printed = run().stdout
    assert "deleted    20250101T000000Z" in printed
    assert "none (backupArtifacts false)" in printed


def test_the_list_names_what_is_not_whole(command: Cluster) -> None:
    kept = {
        "20260103T000000Z": None,
        "20260102T000000Z": {**STORED, "artifacts": None},
        STORED["name"]: STORED,
    }
    faults = {**dict.fromkeys(kept, ""), "20260103T000000Z": "it has no manifest"}
    found = {"where": "s3://mlflow/backups/", "backups": kept, "faults": faults}
    command.printed["store"] = json.dumps(found)
    printed = run("--list").stdout
    assert "it has no manifest" in printed
    assert "5.0 MiB in 3" in printed
    assert json.loads(run("--list", "--json").stdout) == found


@pytest.mark.parametrize(
    ("count", "told"),
    [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (3 << 40, "3.0 TiB"), (5 << 50, "5120.0 TiB")],
)
def test_sizes_are_for_a_person(count: int, told: str) -> None:
    assert backup.size(count) == told
