"""Housekeeping by hand and by schedule: what was deleted long ago goes, in PostgreSQL and S3, and no more."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from ops.rotation.postgres import Postgres
from ops.rotation.target import Target
from tests.e2e.deployment import Deployment
from tests.e2e.machine import within
from tests.e2e.scratch import Scratch, signed_in
from tests.e2e.test_backup import bucket, objects, ops, stack

NAMESPACE, BUCKET = "mlflow-housekeeping", "housekeeping"
AGE = 20
"""Seconds after which something that was deleted is old."""


@dataclass(frozen=True)
class Filled:
    """The stack, and what was made in it: ids by what became of it."""

    stack: Scratch
    ids: dict[str, str]


def run(admin: httpx.Client, experiment: str) -> tuple[str, str]:
    """A run with metrics and two artifacts; its id and where its artifacts are."""
    made = admin.post("runs/create", json={"experiment_id": experiment}).json()["run"]["info"]
    metrics = [{"key": "loss", "value": 0.1, "timestamp": 1, "step": step} for step in range(50)]
    batch = {"run_id": made["run_id"], "metrics": metrics, "params": [{"key": "a", "value": "b"}]}
    assert admin.post("runs/log-batch", json=batch).is_success
    path = made["artifact_uri"].removeprefix("mlflow-artifacts:/")
    for file in ("model.bin", "deep/er/text.txt"):
        put(admin, f"{path}/{file}")
    return made["run_id"], path


def put(admin: httpx.Client, path: str) -> None:
    """An artifact of 100 bytes."""
    address = f"{admin.base_url.join('/')}api/2.0/mlflow-artifacts/artifacts/{path}"
    assert admin.put(address, content=b"x" * 100).is_success


def experiment(admin: httpx.Client, name: str) -> str:
    return str(admin.post("experiments/create", json={"name": name}).json()["experiment_id"])


def delete(admin: httpx.Client, *runs: str) -> None:
    for each in runs:
        assert admin.post("runs/delete", json={"run_id": each}).is_success


def fill(admin: httpx.Client) -> dict[str, str]:
    """Runs and an experiment, most of them deleted; one is made of what a registered model needs."""
    ids = {"experiment": experiment(admin, "gone"), "kept": experiment(admin, "kept")}
    for name in ("old", "restored", "registered", "live", "young"):
        ids[name], path = run(admin, ids["kept"])
        if name == "registered":
            source = f"mlflow-artifacts:/{path}/model.bin"
            assert admin.post("registered-models/create", json={"name": "fraud"}).is_success
            version = {"name": "fraud", "source": source, "run_id": ids[name]}
            assert admin.post("model-versions/create", json=version).is_success
    ids["within"], _ = run(admin, ids["experiment"])
    ids["model"] = logged_model(admin, ids["experiment"])
    delete(admin, ids["old"], ids["restored"], ids["registered"])
    assert admin.post("experiments/delete", json={"experiment_id": ids["experiment"]}).is_success
    assert admin.post("runs/restore", json={"run_id": ids["restored"]}).is_success
    return ids


def logged_model(admin: httpx.Client, of: str) -> str:
    """A model of MLflow 3, whose artifacts are the experiment's and no run's."""
    made = admin.post("logged-models", json={"experiment_id": of, "name": "m"}).json()["model"]["info"]
    put(admin, f"{made['artifact_uri'].removeprefix('mlflow-artifacts:/').rstrip('/')}/MLmodel")
    return str(made["model_id"])


@pytest.fixture(scope="module")
def filled(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    """A stack without a schedule, and in it something to remove that is old by now."""
    with (
        bucket(BUCKET),
        stack(
            tmp_path_factory.mktemp("gc"), NAMESPACE, s3Bucket=BUCKET, housekeepingOlderThan=f"{AGE}s"
        ) as made,
    ):
        with signed_in(made) as admin:
            ids = fill(admin)
            time.sleep(within(AGE))
            delete(admin, ids["young"])
        yield Filled(made, ids)


def ask(made: Scratch, statement: str) -> set[str]:
    """The first column of what the runs' database answers."""
    target = Target.of(made.stack)
    postgres = Postgres.of(target)
    password = target.secret("mlflow-database")["postgres-password"]
    code, output, errors = postgres._psql("postgres", password, f"\\c {postgres.databases[0]}\n{statement}")
    assert code == 0, errors
    return {line for line in output.splitlines() if line and not line.startswith("You are now")}


def runs(made: Scratch) -> set[str]:
    return ask(made, "SELECT run_uuid FROM runs")


def owners() -> set[str]:
    """Whose artifacts there are: names of the folders above `artifacts`."""
    return {key.split("/artifacts/")[0].rpartition("/")[2] for key in objects(BUCKET)}


def test_a_dry_run_lists_what_would_go_and_removes_nothing(filled: Filled) -> None:
    ids, before = filled.ids, (runs(filled.stack), objects(BUCKET))
    found = json.loads(ops("gc", "--stack", "dev", "--dry-run", "--json"))
    told = {one["id"]: (one["what"], one["objects"], one["bytes"]) for one in found["items"]}
    told.pop(ids["young"], None)  # old by now where the commands before took long
    assert told == {
        ids["old"]: ("goes", 2, 200),
        ids["within"]: ("goes", 2, 200),
        ids["experiment"]: ("goes", 1, 100),
        ids["registered"]: ("stays", None, None),
    }
    (why,) = (one["why"] for one in found["items"] if one["id"] == ids["registered"])
    assert why == "registered models are made of it: fraud version 1"
    assert (runs(filled.stack), objects(BUCKET)) == before
    assert f"run {ids['old']}" in ops("gc", "--stack", "dev", "--dry-run", "--older-than", f"{AGE}s")


def test_by_hand_the_old_ones_go_with_their_artifacts_and_the_others_stay(filled: Filled) -> None:
    ids, made = filled.ids, filled.stack
    with signed_in(made) as admin:
        # Young again, whatever the dry run has taken.
        assert admin.post("runs/restore", json={"run_id": ids["young"]}).is_success
        delete(admin, ids["young"])
    found = json.loads(ops("gc", "--stack", "dev", "--yes", "--older-than", f"{within(15):.0f}s", "--json"))
    assert (found["runs"], found["experiments"], found["stay"], found["failed"]) == (2, 1, 1, 0)
    stay = {ids[name] for name in ("restored", "registered", "live", "young")}
    assert runs(made) == stay
    assert owners() == stay
    assert ids["experiment"] not in ask(made, "SELECT experiment_id FROM experiments")
    hanging = "SELECT run_uuid FROM metrics UNION SELECT run_uuid FROM params UNION SELECT run_uuid FROM tags"
    assert ask(made, hanging) == stay
    assert ask(made, "SELECT model_id FROM logged_models") == set()
    made.run("preview", "--expect-no-changes")


def test_the_schedule_removes_what_has_become_old_and_a_backup_beside_it_is_whole(filled: Filled) -> None:
    """The CronJob fires each minute; what a registered model needs is still there afterwards."""
    ids, made = filled.ids, filled.stack
    for key, schedule in {"housekeepingSchedule": "* * * * *", "backupSchedule": "0 0 1 1 *"}.items():
        made.run("config", "set", key, schedule)
    made.run("up", "--yes", "--skip-preview")
    gone(made, ids["young"])
    assert runs(made) == owners() == {ids[name] for name in ("restored", "registered", "live")}
    backed_up()
    listed = json.loads(ops("backup", "--stack", "dev", "--list", "--json"))
    assert set(listed["faults"].values()) == {""}
    assert ops("drift", "--stack", "dev")


@retry(
    retry=retry_if_exception_type(AssertionError), stop=stop_after_delay(90), wait=wait_fixed(2), reraise=True
)
def gone(made: Scratch, run_id: str) -> None:
    """Wait for the schedule."""
    assert run_id not in runs(made)


@retry(
    retry=retry_if_exception_type(AssertionError), stop=stop_after_delay(90), wait=wait_fixed(3), reraise=True
)
def backed_up() -> Any:
    """Back up as soon as housekeeping lets it: the two run one at a time."""
    return json.loads(ops("backup", "--stack", "dev", "--json"))
