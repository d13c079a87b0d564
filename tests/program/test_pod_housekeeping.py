"""What runs in the pods of housekeeping, over tables and a store in memory: only the right things go."""

from __future__ import annotations

import json
import runpy
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from components.pod_housekeeping import __main__ as program
from components.pod_housekeeping import artifacts as ways
from components.pod_housekeeping import sweep
from components.pod_housekeeping.artifacts import Artifacts
from components.pod_housekeeping.database import Database
from components.pod_housekeeping.items import HousekeepingError, Location, Weight
from tests.unit.s3 import Store, StoreError

BEFORE = 1000
SCHEMA = """
    CREATE TABLE experiments (experiment_id INTEGER PRIMARY KEY, name, lifecycle_stage, last_update_time);
    CREATE TABLE runs
        (run_uuid PRIMARY KEY, name, experiment_id, lifecycle_stage, deleted_time, artifact_uri);
    CREATE TABLE metrics (run_uuid); CREATE TABLE latest_metrics (run_uuid);
    CREATE TABLE params (run_uuid); CREATE TABLE tags (run_uuid);
    CREATE TABLE trace_info (request_id, experiment_id); CREATE TABLE trace_tags (request_id, key, value);
    CREATE TABLE logged_models (model_id, experiment_id, artifact_location);
    CREATE TABLE model_versions (name, version, source, storage_location, current_stage);
    INSERT INTO experiments VALUES (0, 'Default', 'active', 1), (1, 'gone', 'deleted', 900),
        (2, 'younger', 'deleted', 1001), (3, 'has a younger run', 'deleted', 900);
    INSERT INTO runs VALUES
        ('old', 'bold-ant', 0, 'deleted', 1000, 'mlflow-artifacts:/0/old/artifacts'),
        ('young', NULL, 0, 'deleted', 1001, 'mlflow-artifacts:/0/young/artifacts'),
        ('live', NULL, 0, 'active', NULL, 'mlflow-artifacts:/0/live/artifacts'),
        ('with', NULL, 1, 'deleted', 901, 's3://mlflow/1/with/artifacts'),
        ('late', NULL, 3, 'deleted', 1001, 'mlflow-artifacts:/3/late/artifacts');
    INSERT INTO metrics VALUES ('old'), ('old'), ('live');
    INSERT INTO tags VALUES ('old'), ('live');
    INSERT INTO logged_models VALUES ('m-1', 1, 'mlflow-artifacts:/1/models/m-1/artifacts/');
    INSERT INTO trace_info VALUES ('tr-1', 1), ('tr-2', 0);
    INSERT INTO trace_tags VALUES ('tr-1', 'other', 'x'),
        ('tr-1', 'mlflow.artifactLocation', 'mlflow-artifacts:/1/traces/tr-1/artifacts'),
        ('tr-2', 'mlflow.artifactLocation', 'mlflow-artifacts:/0/traces/tr-2/artifacts');
"""
KEPT = {
    "0/young/artifacts/a": b"a",
    "0/live/artifacts/model.bin": b"weights",
    "0/old/artifacts-of-another/a": b"a",
    "0/traces/tr-2/artifacts/traces.json": b"{}",
    "backups/mlflow/mlflow/old/manifest.json": b"{}",
}
OBJECTS = {
    **KEPT,
    "0/old/artifacts/a": b"12",
    "0/old/artifacts/deep/b": b"345",
    "0/old/artifacts/c": b"",
    "1/with/artifacts/a": b"1",
    "1/models/m-1/artifacts/MLmodel": b"1234",
    "1/traces/tr-1/artifacts/traces.json": b"{}",
}
CLASSES = {"run": ("runs", "run_uuid"), "experiment": ("experiments", "experiment_id")}


class Session:
    """SQLAlchemy's session, as far as it is used."""

    def __init__(self, connection: sqlite3.Connection, met: list[str]) -> None:
        self.connection, self.met = connection, met

    def execute(self, statement: str, values: dict[str, Any]) -> sqlite3.Cursor:
        return self.connection.execute(statement.replace("FOR UPDATE SKIP LOCKED", ""), values)

    def get(self, cls: tuple[str, str], key: Any) -> tuple[str, str, Any]:
        return (*cls, key)

    def delete(self, found: tuple[str, str, Any]) -> None:
        table, column, key = found
        self.met.append(f"{table} {key}")
        done = self.connection.execute(f"DELETE FROM {table} WHERE {column} = ?", (key,))
        assert done.rowcount == 1


class World:
    """The database, the store, and what was deleted by MLflow's own classes."""

    def __init__(self) -> None:
        self.connection = sqlite3.connect(":memory:")
        self.connection.executescript(SCHEMA)
        self.store = Store(mlflow=OBJECTS, other={"7/foreign/artifacts/a": b"a"})
        self.met: list[str] = []

    @contextmanager
    def sessions(self) -> Iterator[Session]:
        with self.connection:
            yield Session(self.connection, self.met)

    @property
    def database(self) -> Database:
        return Database(self.sessions, str, CLASSES)

    @property
    def artifacts(self) -> Artifacts:
        return Artifacts("s3://mlflow", self.store.bucket)

    def sql(self, statement: str) -> list[Any]:
        with self.connection:
            return self.connection.execute(statement).fetchall()

    def listed(self) -> dict[str, tuple[str, str]]:
        found = sweep.listed(self.database, self.artifacts, BEFORE)
        return {str(one.item): (one.what, one.why) for one in found}

    def removed(self) -> dict[str, tuple[str, str]]:
        found = sweep.removed(self.database, self.artifacts, BEFORE)
        return {str(one.item): (one.what, one.why) for one in found}

    def runs(self) -> set[str]:
        return {run for (run,) in self.sql("SELECT run_uuid FROM runs")}

    def experiments(self) -> set[int]:
        return {number for (number,) in self.sql("SELECT experiment_id FROM experiments")}


@pytest.fixture
def world() -> World:
    return World()


# What goes.


def test_what_was_deleted_long_ago_goes_with_its_artifacts_and_nothing_else(world: World) -> None:
    gone = ("removed", "")
    assert world.removed() == {"run with": gone, "run old": gone, "experiment 1": gone}
    assert world.runs() == {"young", "live", "late"}
    assert world.experiments() == {0, 2, 3}
    assert world.store.buckets["mlflow"] == KEPT
    assert world.met == ["runs with", "runs old", "experiments 1"], (
        "MLflow's own classes take all that hangs on it"
    )
    assert world.sql("SELECT run_uuid FROM metrics UNION ALL SELECT run_uuid FROM tags") == [("live",)] * 2
    assert world.sql("SELECT request_id FROM trace_info") == [("tr-2",)]
    assert world.sql("SELECT * FROM logged_models") == []
    assert world.removed() == {}


def test_the_list_says_what_would_go_and_changes_nothing(world: World) -> None:
    found = {str(one.item): one for one in sweep.listed(world.database, world.artifacts, BEFORE)}
    assert {name: (one.what, one.weight) for name, one in found.items()} == {
        "run with": ("goes", Weight(1, 1)),
        "run old": ("goes", Weight(3, 5)),
        "experiment 1": ("goes", Weight(2, 6)),
    }
    assert found["run old"].as_json() == {
        "kind": "run",
        "id": "old",
        "name": "bold-ant",
        "experiment": "Default",
        "deleted": 1000,
        "what": "goes",
        "why": "",
        "objects": 3,
        "bytes": 5,
    }
    assert world.runs() == {"old", "young", "live", "with", "late"}
    assert world.store.buckets["mlflow"] == OBJECTS


def test_a_run_restored_after_it_was_found_stays(world: World) -> None:
    course = sweep.removed(world.database, world.artifacts, BEFORE)
    assert str(next(course).item) == "run with"
    world.sql("UPDATE runs SET lifecycle_stage = 'active', deleted_time = NULL WHERE run_uuid = 'old'")
    outcome = next(course)
    assert (str(outcome.item), outcome.what, outcome.why) == ("run old", "stays", "it was restored meanwhile")
    assert "0/old/artifacts/a" in world.store.buckets["mlflow"]
    assert "old" in world.runs()


def test_an_experiment_restored_after_it_was_found_stays(world: World) -> None:
    (experiment,) = world.database.experiments(BEFORE)
    world.sql("DELETE FROM runs WHERE run_uuid = 'with'")
    world.sql("UPDATE experiments SET lifecycle_stage = 'active' WHERE experiment_id = 1")
    outcome = sweep._removed(world.database, world.artifacts, experiment, BEFORE)
    assert (outcome.what, outcome.why) == ("stays", "it was restored, or some runs stay")


# What cannot go.


def test_a_run_whose_artifacts_cannot_be_removed_stays_and_the_rest_goes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(Bucket: str, Key: str) -> None:  # noqa: N803
        if "/with/" in Key:
            raise StoreError("AccessDenied", "DeleteObject")
        del world.store.buckets[Bucket][Key]

    monkeypatch.setattr(world.store, "delete_object", refused)
    assert world.removed() == {
        "run with": ("failed", "the store refuses DeleteObject: AccessDenied"),
        "run old": ("removed", ""),
        "experiment 1": ("stays", "it was restored, or some runs stay"),
    }
    assert world.runs() == {"with", "young", "live", "late"}
    assert "1/with/artifacts/a" in world.store.buckets["mlflow"]
    assert "1/models/m-1/artifacts/MLmodel" in world.store.buckets["mlflow"]
    monkeypatch.undo()
    assert world.removed() == {"run with": ("removed", ""), "experiment 1": ("removed", "")}


@pytest.mark.parametrize(
    ("source", "storage"),
    [
        ("runs:/old/model", None),
        ("mlflow-artifacts:/0/old/artifacts/model", None),
        ("mlflow-artifacts:/0/old/artifacts", None),
        (None, "mlflow-artifacts:/0/old/artifacts/model"),
    ],
)
def test_what_a_registered_model_is_made_of_stays(
    world: World, source: str | None, storage: str | None
) -> None:
    version = "INSERT INTO model_versions VALUES ('fraud', 3, ?, ?, 'Production')"
    world.connection.execute(version, (source, storage))
    told = ("stays", "registered models are made of it: fraud version 3")
    assert world.listed()["run old"] == told
    assert world.removed()["run old"] == told
    assert "old" in world.runs()
    world.sql("UPDATE model_versions SET current_stage = 'Deleted_Internal'")
    assert world.removed() == {"run old": ("removed", "")}


def test_an_experiment_whose_model_is_registered_stays_and_so_does_one_whose_run_stays(world: World) -> None:
    world.sql("INSERT INTO model_versions VALUES ('fraud', 1, 'models:/m-1', NULL, 'None')")
    assert world.listed()["experiment 1"][0] == world.removed()["experiment 1"][0] == "stays"
    assert world.experiments() == {0, 1, 2, 3}
    other = World()
    other.sql("INSERT INTO model_versions VALUES ('fraud', 1, 'runs:/with/model', NULL, 'None')")
    assert other.listed()["experiment 1"] == ("stays", "some of its runs stay")
    assert other.removed()["experiment 1"][0] == "stays"


def test_a_run_without_an_address_of_its_artifacts_stays(world: World) -> None:
    world.sql("UPDATE runs SET artifact_uri = NULL WHERE run_uuid = 'old'")
    assert world.removed()["run old"] == ("failed", "an empty address is no folder of its own")
    assert "old" in world.runs()


def test_where_a_list_cannot_look_it_says_so(world: World) -> None:
    world.sql(
        "UPDATE runs SET artifact_uri = 'file:///home/ada/mlruns/1/with/artifacts' WHERE run_uuid = 'with'"
    )
    found = world.listed()
    told = "file:///home/ada/mlruns/1/with/artifacts is in no store of this stack"
    assert found["run with"] == ("failed", told)
    assert found["experiment 1"] == ("stays", "some of its runs stay")
    assert world.removed()["run with"] == ("failed", told)


# Where artifacts are.


@pytest.mark.parametrize(
    ("uri", "keys"),
    [
        ("mlflow-artifacts:/7/run/artifacts", "7/run/artifacts/"),
        ("mlflow-artifacts://mlflow.example.com:5000/7/run/artifacts/", "7/run/artifacts/"),
        ("https://mlflow.example.com/api/2.0/mlflow-artifacts/artifacts/7/run/artifacts", "7/run/artifacts/"),
        ("s3://mlflow/7/run/artifacts", "7/run/artifacts/"),
        ("s3://mlflow/deep/er/7/run/artifacts", "deep/er/7/run/artifacts/"),
    ],
)
def test_artifacts_are_below_their_own_folder_of_the_bucket(uri: str, keys: str) -> None:
    store = Store(mlflow={f"{keys}a": b"1", f"{keys.rstrip('/')}2/a": b"1"})
    assert Artifacts("s3://mlflow", store.bucket).erase(Location(uri, "run")) == Weight(1, 1)
    assert store.buckets["mlflow"].keys() == {f"{keys.rstrip('/')}2/a"}


def test_a_bucket_of_an_experiment_s_own_is_reached_with_the_server_s_keys(world: World) -> None:
    at = Location("s3://other/7/foreign/artifacts", "foreign")
    assert world.artifacts.weigh(at) == Weight(1, 1)
    assert world.artifacts.erase(at) == Weight(1, 1)
    assert world.store.buckets["other"] == {}


@pytest.mark.parametrize(
    "uri",
    [
        "s3://mlflow",
        "mlflow-artifacts:/",
        "mlflow-artifacts:/0/another/artifacts",
        "mlflow-artifacts:/0/run/../another",
        "mlflow-artifacts:/0/run/%2e%2e/another",
        "http://elsewhere.example.com/0/other",
    ],
)
def test_a_folder_that_may_be_another_s_is_not_touched(world: World, uri: str) -> None:
    with pytest.raises(HousekeepingError, match="is no folder of its own"):
        world.artifacts.erase(Location(uri, "run"))
    assert world.store.buckets["mlflow"] == OBJECTS


@pytest.mark.parametrize(
    ("uri", "trace"),
    [
        ("mlflow-artifacts:/backups", "backups"),
        ("mlflow-artifacts:/0", "0"),
        ("mlflow-artifacts:/0/live/artifacts", "live"),
        ("mlflow-artifacts:/0/traces/tr-2/artifacts", "tr-1"),
    ],
)
def test_a_trace_s_owner_chooses_its_id_and_gets_nothing_else_removed(
    world: World, uri: str, trace: str
) -> None:
    with pytest.raises(HousekeepingError, match="is no folder of its own"):
        world.artifacts.erase(Location(uri, trace, "traces"))
    assert world.store.buckets["mlflow"] == OBJECTS


@pytest.mark.parametrize(
    "uri", ["gs://bucket/7/run/artifacts", "http://elsewhere.example.com/7/run/artifacts"]
)
@pytest.mark.parametrize("root", ["s3://mlflow", ""])
def test_another_store_than_the_stack_s_is_not_reached(world: World, uri: str, root: str) -> None:
    with pytest.raises(HousekeepingError, match="is in no store of this stack"):
        Artifacts(root, world.store.bucket).weigh(Location(uri, "run"))
    with pytest.raises(HousekeepingError, match="is in no store of this stack"):
        Artifacts("", world.store.bucket).weigh(Location("s3://mlflow/7/run/artifacts", "run"))


class Server:
    """What MLflow gives for a URI that the server keeps."""

    def __init__(self, files: list[str], stubborn: bool = False) -> None:
        self.files, self.stubborn = files, stubborn
        self.asked: list[str] = []

    def __call__(self, uri: str) -> Server:
        self.asked.append(uri)
        return self

    def list_artifacts(self) -> list[str]:
        return self.files

    def delete_artifacts(self) -> None:
        assert self.files, "the server refuses to delete what is not there (MLflow 3.3.2, a volume)"
        if not self.stubborn:
            self.files = []


@pytest.mark.parametrize("files", [[], ["a"]])
def test_other_stores_are_emptied_through_the_stack_s_own_server_whatever_the_uri_names(
    files: list[str],
) -> None:
    server = Server(files)
    at = Location("mlflow-artifacts://evil.example.com/7/run/artifacts", "run")
    made = Artifacts("", server=server)
    assert made.weigh(at) is None
    assert made.erase(at) is None
    assert server.asked == ["mlflow-artifacts:/7/run/artifacts"]
    assert server.files == []


def test_what_the_server_leaves_is_told() -> None:
    made = Artifacts("", server=Server(["a"], stubborn=True))
    with pytest.raises(
        HousekeepingError, match="the server has left some of mlflow-artifacts:/7/run/artifacts"
    ):
        made.erase(Location("mlflow-artifacts:/7/run/artifacts", "run"))


def test_the_server_is_asked_by_mlflow_s_own_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow-tracking.mlflow.svc")
    found = ways.served("mlflow-artifacts:/7/run/artifacts")
    where = "http://mlflow-tracking.mlflow.svc/api/2.0/mlflow-artifacts/artifacts/7/run/artifacts"
    assert found.artifact_uri == where


def test_a_volume_s_artifacts_go_from_every_place_and_are_not_counted(world: World) -> None:
    server = Server([])
    made = Artifacts("", server=server)
    world.sql("UPDATE runs SET artifact_uri = 'mlflow-artifacts:/1/with/artifacts' WHERE run_uuid = 'with'")
    found = list(sweep.removed(world.database, made, BEFORE))
    assert [one.weight for one in found] == [None, None, None]
    assert found[0].as_json()["objects"] is None
    assert sorted(server.asked) == [
        f"mlflow-artifacts:/{place}/artifacts"
        for place in ("0/old", "1/models/m-1", "1/traces/tr-1", "1/with")
    ]


# The program.


@pytest.fixture
def env(world: World, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What the pod gives; the database is the world's."""

    def database(name: str) -> Database:
        assert name == "bitnami_mlflow"
        return world.database

    monkeypatch.setattr(Database, "opened", database)
    monkeypatch.setattr(program, "Artifacts", lambda root: Artifacts(root, world.store.bucket))
    return {
        "HOUSEKEEPING_OLDER_THAN": "2000",
        "HOUSEKEEPING_STORE": "s3://mlflow",
        "RUNS_DATABASE": "bitnami_mlflow",
    }


def test_the_age_counts_from_now_unless_a_moment_is_named(
    env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.time", lambda: 3.0)
    *items, total = program.run("list", env)
    assert total == {
        "before": 1000,
        "runs": 2,
        "experiments": 1,
        "objects": 6,
        "bytes": 12,
        "stay": 0,
        "failed": 0,
    }
    assert [one["id"] for one in items] == ["with", "old", "1"]
    *items, total = program.run("list", {**env, "HOUSEKEEPING_BEFORE": "950"})
    assert [one["id"] for one in items] == ["with", "1"]


def test_what_failed_ends_it_as_a_failure_after_all_was_told(env: dict[str, str], world: World) -> None:
    env["HOUSEKEEPING_BEFORE"] = "1000"
    world.store.buckets.pop("mlflow")
    assert [one["failed"] for one in program.run("list", env) if "failed" in one] == [2]
    course = program.run("remove", env)
    told = [next(course) for _ in range(4)]
    assert [one.get("what") for one in told] == ["failed", "failed", "stays", None]
    with pytest.raises(
        HousekeepingError, match=r"^2 of 3 could not be removed .* as run with: KeyError: 'mlflow'"
    ):
        next(course)


def test_while_a_restore_is_under_way_nothing_is_touched(env: dict[str, str], world: World) -> None:
    with pytest.raises(HousekeepingError, match="a restore is under way"):
        next(program.run("remove", {**env, "HOUSEKEEPING_RESTORE": "2026-01-01"}))
    assert "old" in world.runs()


def test_it_prints_a_line_for_each_and_one_for_all(
    env: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["pod_housekeeping", "remove"])
    monkeypatch.setattr("os.environ", {**env, "HOUSEKEEPING_BEFORE": "1000"})
    program.main()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line.get("what", "total") for line in lines] == ["removed", "removed", "removed", "total"]
    monkeypatch.setattr("os.environ", {**env, "HOUSEKEEPING_RESTORE": "x"})
    with pytest.raises(SystemExit, match=r"^error: a restore is under way"):
        program.main()


def test_without_its_environment_it_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["pod_housekeeping", "list"])
    with pytest.raises(SystemExit, match=r"^error: KeyError: 'HOUSEKEEPING_OLDER_THAN'$"):
        runpy.run_path(str(program.__file__), run_name="__main__")


def test_the_database_is_mlflow_s_own_and_no_password_is_in_its_uri(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def module(name: str, **held: Any) -> None:
        made = ModuleType(name)
        vars(made).update(held)
        monkeypatch.setitem(sys.modules, name, made)

    def engine(uri: str) -> str:
        asked.append(uri)
        return "engine"

    module("mlflow.store.db.utils", create_sqlalchemy_engine_with_retry=engine, _verify_schema=asked.append)
    module("mlflow.store.tracking.dbmodels.models", SqlRun="SqlRun", SqlExperiment="SqlExperiment")
    module("sqlalchemy", text="text")
    module("sqlalchemy.orm", sessionmaker=lambda engine: SimpleNamespace(begin=f"sessions of {engine}"))
    made = Database.opened("bitnami_mlflow")
    assert asked == ["postgresql:///bitnami_mlflow", "engine"]
    assert made == Database(
        "sessions of engine",  # type: ignore[arg-type]
        "text",  # type: ignore[arg-type]
        {"run": "SqlRun", "experiment": "SqlExperiment"},
    )
