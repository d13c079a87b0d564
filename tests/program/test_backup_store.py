"""What runs in the pods of backup and restore, over a store in memory: nothing partial counts."""

from __future__ import annotations

import json
import runpy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from components import pod_bucket
from components.pod_backup import __main__ as program
from components.pod_backup import artifacts, catalogue
from components.pod_backup import save as saving
from components.pod_backup.fetch import bring_back, fetch
from components.pod_backup.manifest import BackupError, Manifest, new_name, time_of
from components.pod_backup.save import Place, save
from tests.unit.s3 import Store, StoreError

ARTIFACTS = {"1/run/artifacts/model.bin": b"weights", "1/run/artifacts/a.txt": b"a", "2/empty": b""}
PLACE = Place("backups", "mlflow", "mlflow", "http://s3:9000", "3.3.2")
OTHER = Place("backups", "staging", "mlflow", "http://s3:9000", "3.3.2")
HOME = "backups/mlflow/mlflow/"
FIRST = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def store() -> Store:
    return Store(mlflow=ARTIFACTS, other={})


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """What `database.sh dump` leaves."""
    for part, rows in {"runs": 12, "users": 2}.items():
        (tmp_path / f"{part}.dump").write_bytes(part.encode() * 9)
        (tmp_path / f"{part}.found").write_text(
            f"rows public.{part} {rows}\nschema public.alembic_version abc\n"
            "rows public.alembic_version 1\ndirect 0\n"
        )
    return tmp_path


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """A clock that goes on by a day each time it is read for a name."""
    now = [FIRST]

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return now[0]

    monkeypatch.setattr(saving, "datetime", Clock)
    return now


def backup(store: Store, work: Path, clock: list[datetime], keep: int = 9, place: Place = PLACE) -> str:
    """Back up, a day after the one before; its name."""
    clock[0] += timedelta(days=1)
    return str(save(store.bucket(), place, work, keep, with_artifacts=True)["stored"]["name"])


def names(store: Store) -> list[tuple[str, str]]:
    return [(one.name, one.fault) for one in catalogue.entries(store.bucket(), HOME)]


def copies(store: Store) -> set[str]:
    return {key for key in store.buckets["mlflow"] if key.startswith(f"{HOME}objects/")}


def restored(store: Store, folder: Path, wanted: str = "latest", place: Place = PLACE) -> dict[str, Any]:
    """Fetch into the bucket `other`'s stack, and bring the artifacts."""
    target = store.bucket("mlflow" if place is PLACE else "other")
    found = fetch(store.bucket, target, place, folder, wanted)
    return {**found, **bring_back(store.bucket, target, folder)}


# Names and manifests.


def test_a_name_is_the_moment_and_tells_it_again() -> None:
    assert new_name(FIRST) == "20260101T000000Z"
    assert time_of(new_name(FIRST)) == FIRST


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{}", b'{"format": 1}', b'{"format": 1, "databases": {"runs": {}}, "artifacts": null}'],
)
def test_a_broken_manifest_is_refused(content: bytes) -> None:
    with pytest.raises(BackupError, match="its manifest is broken"):
        Manifest.read(content)


def test_a_manifest_of_another_format_is_refused(store: Store, work: Path, clock: list[datetime]) -> None:
    name = backup(store, work, clock)
    key = f"{HOME}{name}/manifest.json"
    held = json.loads(store.buckets["mlflow"][key])
    store.buckets["mlflow"][key] = json.dumps({**held, "format": 2}).encode()
    assert names(store) == [(name, "its manifest has format 2, and this program reads 1")]
    del held["databases"]["users"]
    store.buckets["mlflow"][key] = json.dumps(held).encode()
    assert names(store) == [(name, "its manifest is broken (it does not name both databases)")]


# Backups.


def test_a_backup_says_what_it_holds(store: Store, work: Path, clock: list[datetime]) -> None:
    clock[0] = FIRST
    done = save(store.bucket(), PLACE, work, 3, with_artifacts=True)
    stored = done["stored"]
    assert done["where"] == f"s3://mlflow/{HOME}20260101T000000Z/"
    assert done["deleted"] == []
    assert stored["databases"]["runs"]["rows"] == {"public.runs": 12, "public.alembic_version": 1}
    assert stored["databases"]["runs"]["schema"] == {"public.alembic_version": "abc"}
    assert stored["databases"]["users"]["dump"]["bytes"] == len(b"users" * 9)
    assert (stored["artifacts"]["objects"], stored["artifacts"]["bytes"]) == (3, 8)
    assert Manifest.read(json.dumps(stored).encode()).as_json() == stored
    assert names(store) == [("20260101T000000Z", "")]


def test_the_manifest_is_written_last(store: Store, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def cut(**_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(store, "put_object", cut)
    with pytest.raises(KeyboardInterrupt):
        save(store.bucket(), PLACE, work, 1, with_artifacts=True)
    assert names(store) == [("20260101T000000Z", "it has no manifest: it was cut short, or never was")]


def test_two_backups_never_share_a_name(store: Store, work: Path) -> None:
    save(store.bucket(), PLACE, work, 1, with_artifacts=True)
    with pytest.raises(BackupError, match="this very second"):
        save(store.bucket(), PLACE, work, 1, with_artifacts=True)


def test_a_store_that_loses_what_it_got_is_told(
    store: Store, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "upload_file", lambda *_, **__: None)
    with pytest.raises(BackupError, match=r"runs\.dump is missing"):
        save(store.bucket(), PLACE, work, 1, with_artifacts=False)


def test_only_what_is_new_or_changed_is_copied(store: Store, work: Path, clock: list[datetime]) -> None:
    backup(store, work, clock)
    assert sorted(store.copied) == sorted(ARTIFACTS)
    store.copied.clear()
    store.buckets["mlflow"] |= {"1/run/artifacts/a.txt": b"changed", "3/new": b"new"}
    backup(store, work, clock)
    assert sorted(store.copied) == ["1/run/artifacts/a.txt", "3/new"]


def test_other_stacks_backups_are_no_artifacts(store: Store, work: Path, clock: list[datetime]) -> None:
    backup(store, work, clock, place=OTHER)
    store.copied.clear()
    backup(store, work, clock)
    assert sorted(store.copied) == sorted(ARTIFACTS)


@pytest.mark.parametrize("prefix", ["nightly", "backups-of/staging/1", "Backups"])
def test_nor_are_those_below_another_prefix(
    store: Store, work: Path, clock: list[datetime], prefix: str
) -> None:
    """Of two stacks that share a bucket each would copy the other's copies, of its own copies too."""
    other = replace(OTHER, prefix=prefix)
    for place in (PLACE, other, PLACE, other):
        backup(store, work, clock, place=place)
    assert sorted(store.copied) == sorted([*ARTIFACTS, *ARTIFACTS])


RUN, COPY = "0123456789abcdef" * 2, f"objects/{'0' * 64}"
BEGUN = "20260101T000000Z/runs.dump"


@pytest.mark.parametrize(
    "keys",
    [
        (f"1/{RUN}/artifacts/{COPY}", f"1/{RUN}/artifacts/{BEGUN}"),
        (f"1/models/of/{COPY}", f"1/models/of/{BEGUN}"),
        (f"place/of/one/{RUN}/artifacts/{COPY}", f"place/of/one/{RUN}/artifacts/{BEGUN}"),
        (f"place/models/m-{RUN}/artifacts/a/{COPY}", f"place/models/m-{RUN}/artifacts/a/{BEGUN}"),
        (f"place/of/one/{COPY}", f"place/of/two/{RUN}"),
        (f"a/place/{COPY}", f"a/place/{BEGUN}"),
        ("nightly/mlflow/mlflow/20260101T000000Z/model.bin",),
    ],
)
def test_an_artifact_that_looks_like_a_backup_is_one(
    store: Store, work: Path, clock: list[datetime], keys: tuple[str, ...]
) -> None:
    """A run may keep backups, or what is named by its content."""
    store.buckets["mlflow"] |= dict.fromkeys(keys, b"kept")
    backup(store, work, clock)
    assert sorted(store.copied) == sorted([*ARTIFACTS, *keys])


def test_an_artifact_that_changes_meanwhile_is_taken_as_it_is_then(store: Store, work: Path) -> None:
    store.changing = {"1/run/artifacts/a.txt": [b"new"], "2/empty": [None]}
    stored = save(store.bucket(), PLACE, work, 1, with_artifacts=True)["stored"]
    assert (stored["artifacts"]["objects"], stored["artifacts"]["bytes"]) == (2, 10)


def test_an_artifact_that_never_holds_still_is_named(store: Store, work: Path) -> None:
    store.changing = {"2/empty": [b"1", b"2", b"3"]}
    with pytest.raises(BackupError, match="1 artifacts change faster than they are copied, as 2/empty"):
        save(store.bucket(), PLACE, work, 1, with_artifacts=True)


def test_a_copy_that_another_backup_took_away_is_told(
    store: Store, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "copy", lambda *_, **__: None)
    with pytest.raises(BackupError, match="does another backup run"):
        save(store.bucket(), PLACE, work, 1, with_artifacts=True)


# Retention.


@pytest.mark.parametrize(("keep", "gone"), [(1, ["2", "1"]), (2, ["1"]), (3, []), (0, ["2", "1"])])
def test_the_newest_are_kept_and_always_one(keep: int, gone: list[str]) -> None:
    assert catalogue.expired(["2", "3", "1"], keep) == gone


def test_what_has_had_its_time_goes_with_what_it_alone_listed(
    store: Store, work: Path, clock: list[datetime]
) -> None:
    first = backup(store, work, clock)
    del store.buckets["mlflow"]["2/empty"]
    second = backup(store, work, clock)
    assert len(copies(store)) == 3
    third = backup(store, work, clock, keep=2)
    assert names(store) == [(third, ""), (second, "")]
    assert len(copies(store)) == 2
    assert not any(f"/{first}/" in key for key in store.buckets["mlflow"])


def test_partial_and_broken_ones_do_not_count_and_the_good_one_stays(
    store: Store, work: Path, clock: list[datetime]
) -> None:
    good = backup(store, work, clock)
    held = store.buckets["mlflow"]
    held[f"{HOME}20260109T000000Z/runs.dump"] = b"cut short"
    held[f"{HOME}20260110T000000Z/manifest.json"] = b"{"
    held[f"{HOME}notes/of-a-person.txt"] = b"kept"
    deleted = catalogue.retain(store.bucket(), HOME, 1, datetime(2026, 1, 9, 12, tzinfo=UTC))
    assert deleted == []
    deleted = catalogue.retain(store.bucket(), HOME, 1, datetime(2026, 1, 11, tzinfo=UTC))
    assert deleted == ["20260109T000000Z"]
    assert [name for name, fault in names(store) if not fault] == [good]
    assert f"{HOME}20260110T000000Z/manifest.json" in held
    assert f"{HOME}notes/of-a-person.txt" in held
    assert ARTIFACTS.items() <= held.items()


def test_while_one_cannot_be_read_no_copy_is_deleted(store: Store, work: Path, clock: list[datetime]) -> None:
    backup(store, work, clock)
    del store.buckets["mlflow"]["2/empty"]
    second = backup(store, work, clock)
    del store.buckets["mlflow"][f"{HOME}{second}/artifacts.jsonl.gz"]
    backup(store, work, clock)
    backup(store, work, clock, keep=1)
    assert len(copies(store)) == 3
    assert [fault for _, fault in names(store)] == ["", "artifacts.jsonl.gz is missing"]


def test_a_list_that_goes_away_meanwhile_keeps_the_copies(
    store: Store, work: Path, clock: list[datetime], monkeypatch: pytest.MonkeyPatch
) -> None:
    name = backup(store, work, clock)
    bucket = store.bucket()
    found = catalogue.entries(bucket, HOME)
    del store.buckets["mlflow"][f"{HOME}{name}/artifacts.jsonl.gz"]
    monkeypatch.setattr(catalogue, "entries", lambda *_: found)
    catalogue._sweep(bucket, HOME)
    assert len(copies(store)) == 3


def test_while_another_backup_is_under_way_its_copies_stay(
    store: Store, work: Path, clock: list[datetime]
) -> None:
    """It has dumps and copies, and no manifest that lists them yet; the next one sweeps."""
    backup(store, work, clock)
    clock[0] += timedelta(days=1)
    own = f"{HOME}{new_name(clock[0] + timedelta(minutes=1))}/"
    held = store.buckets["mlflow"]
    held |= {f"{own}users.dump": b"users", f"{HOME}objects/other": b"copied by the other one"}
    assert save(store.bucket(), PLACE, work, 1, with_artifacts=True)["deleted"]
    assert f"{HOME}objects/other" in copies(store)
    del held[f"{own}users.dump"]
    backup(store, work, clock, keep=1)
    assert f"{HOME}objects/other" not in copies(store)


def test_backups_without_artifacts_list_nothing(store: Store, work: Path, clock: list[datetime]) -> None:
    backup(store, work, clock)
    clock[0] += timedelta(days=1)
    assert save(store.bucket(), PLACE, work, 1, with_artifacts=False)["stored"]["artifacts"] is None
    assert copies(store) == set()


# Restores.


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a restore's pod."""
    made = tmp_path / "restore"
    made.mkdir()
    return made


def test_an_emptied_bucket_gets_its_artifacts_back(
    store: Store, work: Path, folder: Path, clock: list[datetime]
) -> None:
    name = backup(store, work, clock)
    for key in list(ARTIFACTS)[:2]:
        del store.buckets["mlflow"][key]
    found = restored(store, folder)
    assert found["where"] == f"s3://mlflow/{HOME}{name}"
    assert (found["artifacts"], found["copied"]) == (3, 2)
    assert ARTIFACTS.items() <= store.buckets["mlflow"].items()
    wanted = "rows public.alembic_version 1\nrows public.runs 12\nschema public.alembic_version abc\n"
    assert (folder / "runs.wanted").read_text() == wanted
    assert (folder / "users.dump").read_bytes() == b"users" * 9


@pytest.mark.parametrize(("version", "same"), [("3.3.2", "true"), ("3.4.0", "false")])
def test_the_database_s_script_is_told_whether_both_have_the_same_mlflow(
    store: Store, work: Path, folder: Path, clock: list[datetime], version: str, same: str
) -> None:
    """With the same one a schema that differs is a newer one's, and can be given up."""
    backup(store, work, clock)
    fetch(store.bucket, store.bucket(), replace(PLACE, mlflow=version), folder, "latest")
    assert (folder / "same-mlflow").read_text() == same


def test_another_stack_s_backup_comes_by_its_address(
    store: Store, work: Path, folder: Path, clock: list[datetime]
) -> None:
    name = backup(store, work, clock)
    del store.buckets["mlflow"]["2/empty"]
    for wanted in (f"s3://mlflow/{HOME}{name}", f"s3://mlflow/{HOME}latest/"):
        restored(store, folder, wanted, OTHER)
        assert store.buckets["other"] == ARTIFACTS
    with pytest.raises(BackupError, match="there is no whole backup in s3://other/backups/staging/mlflow/"):
        restored(store, folder, "latest", OTHER)


def test_the_latest_is_the_latest_whole_one(
    store: Store, work: Path, folder: Path, clock: list[datetime]
) -> None:
    name = backup(store, work, clock)
    cut = backup(store, work, clock)
    del store.buckets["mlflow"][f"{HOME}{cut}/users.dump"]
    assert restored(store, folder)["found"]["name"] == name
    with pytest.raises(BackupError, match=rf"{cut} is refused: users\.dump is missing"):
        restored(store, folder, cut)
    with pytest.raises(BackupError, match="20990101T000000Z is refused: it has no manifest"):
        restored(store, folder, "20990101T000000Z")
    with pytest.raises(BackupError, match="yesterday is no name of a backup"):
        restored(store, folder, "yesterday")


@pytest.mark.parametrize("file", ["runs.dump", "users.dump", "artifacts.jsonl.gz"])
def test_one_changed_byte_is_refused(
    store: Store, work: Path, folder: Path, clock: list[datetime], file: str
) -> None:
    name = backup(store, work, clock)
    key = f"{HOME}{name}/{file}"
    held = store.buckets["mlflow"]
    held[key] = held[key][:-1] + bytes([held[key][-1] ^ 1])
    with pytest.raises(BackupError, match=f"{file} is corrupt, its SHA-256 is not the manifest's"):
        restored(store, folder)
    held[key] = held[key][:-1]
    with pytest.raises(BackupError, match=f"{file} has .* bytes and not"):
        restored(store, folder, name)


@pytest.mark.parametrize("content", [None, b"other"])
def test_a_missing_or_changed_copy_is_refused(
    store: Store, work: Path, folder: Path, clock: list[datetime], content: bytes | None
) -> None:
    backup(store, work, clock)
    key = sorted(copies(store))[0]
    del store.buckets["mlflow"][key]
    if content:
        store.buckets["mlflow"][key] = content
    with pytest.raises(BackupError, match="1 of 3 copies of artifacts are missing or changed"):
        restored(store, folder)


def test_a_copy_that_goes_away_meanwhile_is_told(
    store: Store, work: Path, folder: Path, clock: list[datetime]
) -> None:
    backup(store, work, clock)
    fetch(store.bucket, store.bucket("other"), OTHER, folder, f"s3://mlflow/{HOME}latest")
    store.buckets["mlflow"] = {k: v for k, v in store.buckets["mlflow"].items() if k not in copies(store)}
    with pytest.raises(BackupError, match="went away or was changed: run it again"):
        bring_back(store.bucket, store.bucket("other"), folder)


def test_runs_that_name_their_bucket_are_not_restored_into_another(
    store: Store, work: Path, folder: Path, clock: list[datetime]
) -> None:
    (work / "runs.found").write_text("rows public.runs 12\ndirect 7\n")
    backup(store, work, clock)
    with pytest.raises(
        BackupError, match="7 experiments and runs name their artifacts by s3://mlflow itself"
    ):
        restored(store, folder, f"s3://mlflow/{HOME}latest", OTHER)
    assert restored(store, folder)["copied"] == 0


def test_without_artifacts_only_their_own_bucket_will_do(
    store: Store, work: Path, folder: Path, clock: list[datetime]
) -> None:
    save(store.bucket(), PLACE, work, 1, with_artifacts=False)
    with pytest.raises(BackupError, match="it holds no artifacts"):
        restored(store, folder, f"s3://mlflow/{HOME}latest", OTHER)
    assert restored(store, folder)["artifacts"] == 0


# The store's own errors, and the command line.


@pytest.mark.parametrize("ask", ["read", "look"])
def test_what_the_store_refuses_is_no_missing_object(store: Store, ask: str) -> None:
    store.refused["2/empty"] = "AccessDenied"
    with pytest.raises(StoreError):
        getattr(store.bucket(), ask)("2/empty")
    assert getattr(store.bucket(), ask)("nothing") is None
    with pytest.raises(StoreError):
        found = next(one for one in store.bucket().objects("") if one.key == "2/empty")
        store.bucket().copy(store.bucket(), found, "copy")


@pytest.fixture
def env(store: Store, work: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A pod's environment."""
    monkeypatch.setattr(program, "opened", store.bucket)
    return {
        "BACKUP_BUCKET": "mlflow",
        "BACKUP_PREFIX": "backups",
        "BACKUP_NAMESPACE": "mlflow",
        "BACKUP_RELEASE": "mlflow",
        "BACKUP_WORK": str(work),
        "BACKUP_KEEP": "2",
        "BACKUP_ARTIFACTS": "true",
        "MLFLOW_S3_ENDPOINT_URL": "http://s3:9000",
    }


def test_the_command_line_saves_lists_fetches_and_brings_back(env: dict[str, str]) -> None:
    stored = program.run(["save"], env)["stored"]
    listed = program.run(["list"], env)
    assert listed["backups"] == {stored["name"]: stored}
    assert listed["faults"] == {stored["name"]: ""}
    assert program.run(["fetch", "latest"], env)["found"] == stored
    assert program.run(["artifacts"], env) == {"artifacts": 3, "copied": 0}


def test_a_broken_backup_is_listed_with_its_fault(env: dict[str, str], store: Store) -> None:
    store.buckets["mlflow"][f"{HOME}20260101T000000Z/runs.dump"] = b""
    listed = program.run(["list"], env)
    assert listed["backups"] == {"20260101T000000Z": None}
    assert "no manifest" in listed["faults"]["20260101T000000Z"]


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (BackupError("it is broken"), "error: it is broken"),
        (
            StoreError("InvalidAccessKeyId", "ListObjectsV2"),
            "error: the store refuses ListObjectsV2: InvalidAccessKeyId",
        ),
        (OSError("no room"), "error: OSError: no room"),
    ],
)
def test_an_error_is_one_line_without_what_the_store_repeats(
    env: dict[str, str], monkeypatch: pytest.MonkeyPatch, raised: Exception, told: str
) -> None:
    def fails(*_: object) -> None:
        raise raised

    monkeypatch.setattr(program, "run", fails)
    with pytest.raises(SystemExit, match=f"^{told}$"):
        program.main()


def test_the_result_is_one_line_of_json(
    env: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(program, "run", lambda *_: {"a": 1})
    program.main()
    assert capsys.readouterr().out == '{"a": 1}\n'


def test_without_its_environment_it_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["pod_backup", "list"])
    with pytest.raises(SystemExit, match=r"^error: KeyError: 'BACKUP_BUCKET'$"):
        runpy.run_path(str(program.__file__), run_name="__main__")


def test_the_store_is_asked_by_mlflow_s_own_client(monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow.store.artifact.s3_artifact_repo import S3ArtifactRepository

    monkeypatch.setattr(S3ArtifactRepository, "_get_s3_client", lambda self: self.artifact_uri)
    opened = pod_bucket.opened("mlflow")
    assert (opened.client, opened.name) == ("s3://mlflow", "mlflow")


def test_a_copy_s_name_follows_from_key_tag_and_size(store: Store) -> None:
    named = {artifacts.copy_name(found) for found in store.bucket().objects("")}
    assert len(named) == 3
    assert all(len(name) == 64 for name in named)
