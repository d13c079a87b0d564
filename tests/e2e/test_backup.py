"""`make backup` and `make restore`: what comes back is equal, by row and byte; what is broken is refused."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from lab import api
from lab.cluster.services import S3_ENDPOINT
from ops.rotation.postgres import Postgres
from ops.rotation.target import Target
from tests.e2e import commands
from tests.e2e.deployment import Deployment
from tests.e2e.scratch import Scratch, scratch, signed_in

BUCKETS = {"mlflow-backup-a": "backup-a", "mlflow-backup-b": "backup-b"}
"""Namespaces and their buckets."""
SOURCE, TARGET = BUCKETS
RUNS = 3
COUNT = (
    "SELECT format('SELECT ''%1$I.%2$I'', count(*), md5(string_agg(t::text, chr(10) ORDER BY t::text))"
    " FROM %1$I.%2$I t', schemaname, tablename) FROM pg_tables WHERE schemaname = 'public' \\gexec"
)
"""Rows of each table, and a digest of all that is in them."""


def client() -> Any:
    """The lab's S3 server."""
    access, secret = api.s3_keys()
    return boto3.client(
        "s3",
        endpoint_url=S3_ENDPOINT,
        region_name="us-east-1",
        aws_access_key_id=access,
        aws_secret_access_key=secret,
        config=Config(retries={"total_max_attempts": 3}),
    )


def objects(bucket: str) -> dict[str, str]:
    """The artifacts in a bucket: keys, and digests of what they hold."""
    store, found = client(), {}
    for page in store.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for entry in page.get("Contents", []):
            if not entry["Key"].startswith("backups/"):
                content = store.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read()
                found[entry["Key"]] = hashlib.sha256(content).hexdigest()
    return found


@contextmanager
def bucket(name: str) -> Iterator[None]:
    """A bucket that is emptied and gone after the block."""
    store = client()
    store.create_bucket(Bucket=name)
    try:
        yield
    finally:
        for page in store.get_paginator("list_objects_v2").paginate(Bucket=name):
            for entry in page.get("Contents", []):
                store.delete_object(Bucket=name, Key=entry["Key"])
        store.delete_bucket(Bucket=name)


@contextmanager
def stack(folder: Path, namespace: str, **settings: str) -> Iterator[Scratch]:
    """A stack that is up, over its bucket."""
    with scratch(folder, namespace, {"s3Bucket": BUCKETS.get(namespace, ""), **settings}) as made:
        made.run("up", "--yes", "--skip-preview")
        yield made


def ops(*args: str, code: int = 0) -> str:
    """`python -m ops ARGS`; what it printed."""
    done = commands.ops(*args)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout if code == 0 else done.stderr


def tables(made: Scratch) -> dict[str, list[str]]:
    """All tables of both databases but the users': the administrator's password is the stack's own."""
    target = Target.of(made.stack)
    postgres = Postgres.of(target)
    password = target.secret("mlflow-database")["postgres-password"]
    found = {}
    for database in postgres.databases:
        code, output, errors = postgres._psql("postgres", password, f"\\c {database}\n{COUNT}")
        assert code == 0, errors
        found[database] = sorted(line for line in output.splitlines() if not line.startswith("public.users|"))
    return found


USER = ("ada", "a password of hers")


def fill(made: Scratch) -> None:
    """Runs with all that they can have, a user, and what she may do."""
    with signed_in(made) as admin:
        assert admin.post("users/create", json={"username": USER[0], "password": USER[1]}).is_success
        experiment = admin.post("experiments/create", json={"name": "kept"}).json()["experiment_id"]
        permission = {"experiment_id": experiment, "username": USER[0], "permission": "EDIT"}
        assert admin.post("experiments/permissions/create", json=permission).is_success
        assert admin.post("registered-models/create", json={"name": "model"}).is_success
        for number in range(RUNS):
            run = admin.post("runs/create", json={"experiment_id": experiment}).json()["run"]["info"]
            metrics = [{"key": "loss", "value": 0.1, "timestamp": 1, "step": step} for step in range(3)]
            params = [{"key": "text", "value": "tab\there, back\\slash, line\nend, \\."}]
            batch = {"run_id": run["run_id"], "metrics": metrics, "params": params}
            assert admin.post("runs/log-batch", json=batch).is_success
            for file, size in (("model.bin", 100_000 * number), ("deep/er/text ä.txt", 10)):
                path = run["artifact_uri"].removeprefix("mlflow-artifacts:/")
                address = f"{admin.base_url.join('/')}api/2.0/mlflow-artifacts/artifacts/{path}/{file}"
                assert admin.put(address, content=bytes([number]) * size).is_success


@pytest.fixture(scope="module")
def source(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Any]]:
    """A backup of a stack with runs, and what the stack had. The stack is destroyed, its bucket stays."""
    with bucket(BUCKETS[SOURCE]):
        folder = tmp_path_factory.mktemp("backup")
        with stack(folder, SOURCE, backupSchedule="0 0 1 1 *") as made:
            fill(made)
            rows, artifacts = tables(made), objects(BUCKETS[SOURCE])
            assert len(artifacts) == 2 * RUNS
            first = json.loads(ops("backup", "--stack", "dev", "--json"))
            second = json.loads(ops("backup", "--stack", "dev", "--json"))
            made.run("preview", "--expect-no-changes")
            listed = json.loads(ops("backup", "--stack", "dev", "--list", "--json"))
            assert ops("drift", "--stack", "dev")
        # The bucket that is emptied: only the backups are left in it.
        for key in artifacts:
            client().delete_object(Bucket=BUCKETS[SOURCE], Key=key)
        yield {"rows": rows, "artifacts": artifacts, "first": first, "second": second, "listed": listed}


@pytest.fixture(scope="module")
def target(source: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scratch]:
    """Another stack, new, with another bucket."""
    with bucket(BUCKETS[TARGET]), stack(tmp_path_factory.mktemp("restore"), TARGET) as made:
        yield made


def test_backups_say_what_they_hold_and_share_the_artifacts(source: Any) -> None:
    stored = source["first"]["stored"]
    assert stored["databases"]["runs"]["rows"]["public.runs"] == RUNS
    assert stored["databases"]["users"]["rows"]["public.users"] == 2
    assert stored["artifacts"]["objects"] == 2 * RUNS
    assert source["listed"]["faults"] == {source[each]["stored"]["name"]: "" for each in ("first", "second")}
    copies = client().list_objects_v2(Bucket=BUCKETS[SOURCE], Prefix=f"backups/{SOURCE}/mlflow/objects/")
    assert copies["KeyCount"] == 2 * RUNS


def test_a_corrupt_dump_and_a_partial_backup_are_refused_and_nothing_is_touched(
    source: Any, target: Scratch
) -> None:
    """The first backup gets a changed byte in one dump, then half of it, then loses its manifest."""
    before = (tables(target), objects(BUCKETS[TARGET]))
    where = source["first"]["where"]
    key = where.removeprefix(f"s3://{BUCKETS[SOURCE]}/")
    store, dump = client(), {"Bucket": BUCKETS[SOURCE], "Key": f"{key}runs.dump"}
    content = store.get_object(**dump)["Body"].read()
    store.put_object(**dump, Body=content[:-1] + bytes([content[-1] ^ 1]))
    told = ops("restore", "--from", where, "--stack", "dev", "--yes", code=1)
    assert "runs.dump is corrupt, its SHA-256 is not the manifest's" in told
    cut = content[: len(content) * 3 // 4]
    store.put_object(**dump, Body=cut)
    _forge(source, key, cut)
    told = ops("restore", "--from", where, "--stack", "dev", "--yes", code=1)
    assert "check: runs.dump cannot be read to its end: nothing was changed" in told
    store.delete_object(Bucket=BUCKETS[SOURCE], Key=f"{key}manifest.json")
    told = ops("restore", "--from", where, "--stack", "dev", "--yes", code=1)
    assert "it has no manifest" in told
    assert (tables(target), objects(BUCKETS[TARGET])) == before
    target.run("preview", "--expect-no-changes")
    assert ops("drift", "--stack", "dev")


def _forge(source: Any, key: str, content: bytes) -> None:
    """Let the manifest agree with a dump that is cut: then PostgreSQL's own reading has to find it."""
    manifest = json.loads(json.dumps(source["first"]["stored"]))
    dump = manifest["databases"]["runs"]["dump"]
    dump.update(bytes=len(content), sha256=hashlib.sha256(content).hexdigest())
    body = json.dumps(manifest).encode()
    client().put_object(Bucket=BUCKETS[SOURCE], Key=f"{key}manifest.json", Body=body)


@pytest.mark.bar
def test_all_of_it_comes_back_in_another_stack(source: Any, target: Scratch) -> None:
    """Rows of every table, bytes of every artifact, users and permissions; the login of the outputs works."""
    where = f"s3://{BUCKETS[SOURCE]}/backups/{SOURCE}/mlflow/latest"
    found = json.loads(ops("restore", "--from", where, "--stack", "dev", "--yes", "--json"))
    assert found["found"]["name"] == source["second"]["stored"]["name"]
    rows, artifacts = tables(target), objects(BUCKETS[TARGET])
    assert rows == source["rows"]
    assert artifacts == source["artifacts"]
    counted = sum(int(line.split("|")[1]) for lines in rows.values() for line in lines)
    assert counted
    sys.stdout.write(f"restored {counted} rows equal, {len(artifacts)} artifacts equal\n")
    with signed_in(target) as admin:
        (experiment,) = (
            one
            for one in admin.post("experiments/search", json={"max_results": 9}).json()["experiments"]
            if one["name"] == "kept"
        )
    with signed_in(target, USER) as ada:
        asked = {"experiment_ids": [experiment["experiment_id"]]}
        assert len(ada.post("runs/search", json=asked).json()["runs"]) == RUNS
        tag = {"experiment_id": experiment["experiment_id"], "key": "by", "value": "ada"}
        assert ada.post("experiments/set-experiment-tag", json=tag).is_success
    target.run("preview", "--expect-no-changes")
    assert ops("drift", "--stack", "dev")


MIGRATED = (
    "SELECT format('UPDATE %I.%I SET version_num = $q$newer$q$', schemaname, tablename) FROM pg_tables"
    " WHERE schemaname = 'public' AND tablename ~ '^alembic_version' \\gexec"
)
"""As a newer MLflow would: another revision of the schema."""
ADDED = {
    0: "CREATE TABLE newer (run varchar(32) REFERENCES runs (run_uuid))",
    1: "CREATE TABLE newer (id integer REFERENCES users (id))",
}
"""What it would add, by database: those of runs and of users."""


def migrate(made: Scratch) -> None:
    """Let both databases look like those of a newer MLflow."""
    target = Target.of(made.stack)
    postgres = Postgres.of(target)
    password = target.secret("mlflow-database")
    for place, database in enumerate(postgres.databases):
        role = f"SET ROLE {postgres.role};"
        sql = f"\\c {database}\n{role}\n{ADDED[place]};\n{MIGRATED}"
        code, _, errors = postgres._psql("postgres", password["postgres-password"], sql)
        assert code == 0, errors


def revisions(made: Scratch) -> list[str]:
    """The revision of the schema, and the table that was added, of each database."""
    target = Target.of(made.stack)
    postgres, password = Postgres.of(target), target.secret("mlflow-database")["postgres-password"]
    sql = (
        "SELECT format('SELECT version_num FROM %I.%I', schemaname, tablename) FROM pg_tables"
        " WHERE tablename ~ '^alembic_version' \\gexec\n"
        "SELECT tablename FROM pg_tables WHERE tablename = 'newer';"
    )
    found = []
    for database in postgres.databases:
        code, output, errors = postgres._psql("postgres", password, f"\\c {database}\n{sql}")
        assert code == 0, errors
        found.append(output)
    return found


def test_a_target_that_has_something_is_refused_unless_it_is_given_up(source: Any, target: Scratch) -> None:
    where = f"s3://{BUCKETS[SOURCE]}/backups/{SOURCE}/mlflow/latest"
    told = ops("restore", "--from", where, "--stack", "dev", "--yes", code=1)
    assert "the target is not empty: it has" in told
    assert f"runs {RUNS}" in told
    before = revisions(target)
    migrate(target)
    assert revisions(target) != before
    told = ops("restore", "--from", where, "--stack", "dev", "--yes", code=1)
    assert "the target's is newer, made by another MLflow than the one that both have" in told
    assert "(ARGS=--replace) gives up what the target has and goes back to the backup" in told
    ops("restore", "--from", where, "--stack", "dev", "--yes", "--replace", "--confirm", "dev")
    assert tables(target) == source["rows"]
    assert revisions(target) == before
