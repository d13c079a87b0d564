"""`make rotate`: what applies, what is refused, and that a re-run finishes what was cut at any point."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from ops import rotate as command
from ops.console import OpsError
from ops.rotation.postgres import ADMIN
from tests.unit.rotating import (
    DATABASE,
    LOGIN,
    PENDING,
    RULES,
    CutError,
    RotatedStack,
    World,
    put_in_place,
)

NEW = ("second-id", "second-key")


def rotated(stack: RotatedStack, *chosen: str, pair: tuple[str, str] | None = None) -> None:
    """Rotate without a question."""
    assert command.rotate(stack, chosen, lambda: pair, lambda what: True)


def settled(world: World, parts: Collection[str]) -> None:
    """Everywhere the same, new where it was rotated, and nothing left behind."""
    assert world.mlflow == world.secrets[LOGIN]["admin-password"] == world.outputs
    assert (world.mlflow == "FirstAdmin") == ("admin" not in parts)
    held = world.secrets[world.database]
    assert world.roles == {"bn_mlflow": held["password"], ADMIN: held["postgres-password"]}
    assert (held["password"] == "FirstUser") == ("database" not in parts)
    assert (held["postgres-password"] == "FirstSuper") == ("database" not in parts)
    assert world.pod["database"] == held["password"]
    assert (world.pod["id"], world.pod["key"]) == (NEW if "store" in parts else ("first-id", "first-key"))
    assert world.rules == RULES
    assert PENDING not in world.secrets
    assert world.secrets[LOGIN]["flask-server-secret-key"] == "f"


def recoverable(world: World) -> None:
    """Where a rotation was cut, what works is written down in the cluster."""
    known = " ".join(text for secret in world.secrets.values() for text in secret.values())
    assert world.mlflow in known
    assert all(password in known for password in world.roles.values())
    world.serves()


ALL = ("admin", "database", "store")


@pytest.mark.parametrize("parts", [("admin",), ("database",), ("store",), ALL], ids=" ".join)
def test_new_credentials_everywhere(parts: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    rotated(put_in_place(world, monkeypatch), *parts, pair=NEW if "store" in parts else None)
    settled(world, parts)


def test_a_production_stack_s_passwords_are_replaced_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine refuses to replace what is protected, so they are not, for that one `pulumi up`."""
    world = World()
    world.protected = {"urn::user", "urn::admin"}
    rotated(put_in_place(world, monkeypatch), "database")
    settled(world, ["database"])


@pytest.mark.parametrize("existing", ["", "mlflow-postgresql"], ids=["the stack's", "the chart's"])
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("parts", [("admin",), ("database",), ("store",)], ids=" ".join)
def test_cut_at_any_change_a_re_run_finishes(
    parts: tuple[str, ...], moment: str, existing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, cut = 0, True
    while cut:
        world = World(databaseExistingSecret=existing)
        stack = put_in_place(world, monkeypatch)
        pair = NEW if "store" in parts else None
        world.cut = (number, moment)
        try:
            rotated(stack, *parts, pair=pair)
            cut = False
        except CutError:
            recoverable(world)
            # Another `pulumi up` in between must not hurt.
            world.cut = None
            stack.read("up")
            recoverable(world)
            rotated(stack, *parts, pair=pair)
        settled(world, parts)
        number += 1
    assert number > 3


@pytest.mark.parametrize("number", range(12))
def test_cut_twice_it_is_finished_by_a_third_run(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    stack = put_in_place(world, monkeypatch)
    for cut in (number, number + 5):
        world.cut = (cut, "after")
        try:
            rotated(stack, *ALL, pair=NEW)
            break
        except CutError:
            recoverable(world)
    world.cut = None
    rotated(stack, *ALL, pair=NEW)
    settled(world, ALL)


def test_what_was_begun_is_finished_whatever_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world = World()
    stack = put_in_place(world, monkeypatch)
    world.cut = (1, "after")
    with pytest.raises(CutError):
        rotated(stack, "database")
    world.cut = None
    world.undeployed = True  # as the new passwords may be
    rotated(stack, "admin")
    settled(world, ("admin", "database"))
    assert "finishing what was begun before: database" in capsys.readouterr().err


@pytest.mark.parametrize("cut", [(0, "after"), (1, "before"), (1, "after"), (2, "after")])
def test_the_store_s_rotation_is_finished_without_its_keys(
    cut: tuple[int, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where they were not in the stack's file yet."""
    world = World()
    stack = put_in_place(world, monkeypatch)
    world.cut = cut
    with pytest.raises(CutError):
        rotated(stack, "store", pair=NEW)
    world.cut = None
    rotated(stack)
    assert (world.pod["id"], world.pod["key"]) == NEW == world.keys
    assert PENDING not in world.secrets


def test_other_keys_that_are_given_to_finish_with_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the first run may be revoked by then."""
    world = World()
    stack = put_in_place(world, monkeypatch)
    lost = ("lost-id", "lost-key")
    world.valid.add(lost)
    world.cut = (0, "after")
    with pytest.raises(CutError):
        rotated(stack, "store", pair=lost)
    world.cut = None
    world.valid.remove(lost)
    rotated(stack, "store", pair=NEW)
    settled(world, ["store"])


def test_a_store_s_rotation_of_an_older_commit_is_finished(monkeypatch: pytest.MonkeyPatch) -> None:
    """It wrote down that it had begun, and had the pair in the stack's file next."""
    world = World()
    world.secrets[PENDING] = {"store": '{"begun": "yes"}'}
    world.keys = NEW
    rotated(put_in_place(world, monkeypatch), "store")
    settled(world, ["store"])


@pytest.mark.parametrize("late", [1, 2, 3])
def test_a_pod_that_started_meanwhile_and_set_the_old_password_is_no_end(
    late: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its configuration is of its start (`components/pod_login.py`)."""
    world = World()
    stack = put_in_place(world, monkeypatch)
    world.late = late
    with pytest.raises(OpsError, match="run it again"):
        rotated(stack, "admin")
    recoverable(world)
    rotated(stack, "admin")
    settled(world, ["admin"])


def test_an_administrator_s_rotation_of_an_older_commit_is_finished(monkeypatch: pytest.MonkeyPatch) -> None:
    """It wrote down the new password alone."""
    world = World()
    world.secrets[PENDING] = {"admin": '{"password": "PlannedByAnOlderOne"}'}
    rotated(put_in_place(world, monkeypatch), "admin")
    settled(world, ["admin"])


def test_without_an_option_all_that_applies(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world = World(database="external")
    rotated(put_in_place(world, monkeypatch))
    told = capsys.readouterr().err
    assert "Left as it is: the database's passwords: the database is an external one" in told
    assert "Left as it is: the keys of the artifact store: no new keys were given" in told
    settled(world, ("admin",))


@pytest.mark.parametrize(
    ("part", "config", "says"),
    [
        ("database", {"database": "external"}, "change its password there"),
        ("database", {"databaseExistingSecret": "vault"}, "your own Secret vault"),
        ("store", {"artifactStore": "gcs"}, "store gcs, which has no S3 keys"),
        ("store", {"workloadIdentity": "true"}, "without keys"),
        ("store", {"s3ExistingSecret": "mine"}, "your own Secret mine"),
    ],
)
def test_a_chosen_part_that_does_not_apply_is_refused(
    part: str, config: dict[str, str], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(**config)
    with pytest.raises(OpsError, match=f"--{part}: .*{says}"):
        rotated(put_in_place(world, monkeypatch), part, pair=NEW)
    assert world.changes == []


def test_nothing_is_changed_while_other_changes_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.undeployed = True
    with pytest.raises(OpsError, match=r"changes that are not deployed.*`pulumi up --stack dev` first"):
        rotated(put_in_place(world, monkeypatch))
    assert world.changes == []


def test_all_is_checked_before_the_first_change(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    with pytest.raises(OpsError, match="store refuses these keys"):
        rotated(put_in_place(world, monkeypatch), pair=("wrong", "wrong"))
    world.roles["bn_mlflow"] = "other"
    with pytest.raises(OpsError, match=r"role bn_mlflow in Secret mlflow-database \(key password\)"):
        rotated(put_in_place(world, monkeypatch))
    world.mlflow = "other"
    with pytest.raises(OpsError, match="does not accept the password in the chart's Secret"):
        rotated(put_in_place(world, monkeypatch))
    del world.secrets[LOGIN]
    with pytest.raises(OpsError, match="there is no Secret mlflow-tracking"):
        rotated(put_in_place(world, monkeypatch))
    assert world.changes == []


def test_no_means_no(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    asked: list[str] = []

    def no(question: str) -> bool:
        asked.append(question)
        return False

    assert not command.rotate(put_in_place(world, monkeypatch), (), lambda: None, no)
    assert world.changes == []
    (question,) = asked
    assert "the administrator's password and the database's passwords" in question
    assert "stack dev" in question


@pytest.mark.parametrize(("mode", "told"), [("ReadWriteOnce", True), ("ReadWriteMany", False)])
def test_a_volume_for_one_pod_is_told_of(
    mode: str, told: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world = World(trackingVolume="true", trackingVolumeAccessMode=mode)
    rotated(put_in_place(world, monkeypatch), "database")
    assert ("allows one pod at a time" in capsys.readouterr().err) == told


def test_no_secret_is_printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    world = World()
    rotated(put_in_place(world, monkeypatch), pair=NEW)
    printed = "".join(capsys.readouterr())
    held = [text for name in (LOGIN, DATABASE) for key, text in world.secrets[name].items() if "pass" in key]
    for secret in (*held, *NEW, "FirstAdmin", "FirstUser", "FirstSuper"):
        assert secret not in printed
