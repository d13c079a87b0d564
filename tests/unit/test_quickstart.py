"""`make up`: why what it brought up does not work, and that a deployment keeps its namespace."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ruamel.yaml import YAML

from lab import api
from ops import diagnose, home, quickstart, recover, watch
from ops import verify as checks
from ops.console import OpsError


@pytest.fixture
def up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """A machine where all is up but what a test breaks; what was done is kept in order."""
    done: list[str] = []

    def ran(*_: Any) -> dict[str, int]:
        done.append("up")
        return {"same": 9}

    stack = SimpleNamespace(
        read=lambda *args: done.append(" ".join(args)),
        config=dict,
        outputs=lambda: {"admin_username": "user", "namespace": "mlflow"},
    )
    made = SimpleNamespace(
        environ=dict,
        folder=tmp_path,
        prepare=lambda *_: None,
        stack=lambda: stack,
        setting=lambda key: {"namespace": "team-a"}[key],
    )
    monkeypatch.setattr(api, "up", lambda: None)
    monkeypatch.setattr(api, "install_tools", lambda: None)
    monkeypatch.setattr(quickstart, "_home", lambda _: made)
    monkeypatch.setattr(quickstart, "_settings", lambda *_: ({}, {}))
    monkeypatch.setattr(quickstart, "_serve", lambda *_: "http://127.0.0.1:5001")
    monkeypatch.setattr(recover, "stuck", lambda _: False)
    monkeypatch.setattr(watch, "up", ran)
    monkeypatch.setattr(checks, "prepare", lambda: None)
    monkeypatch.setattr(diagnose, "explained", lambda _: done.append("diagnosed"))
    return done


def test_a_verification_that_fails_is_looked_into(up: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any) -> None:
        raise OpsError("the artifact did not come back")

    monkeypatch.setattr(checks, "reachable", fails)
    with pytest.raises(OpsError, match="did not come back"):
        quickstart.up(None, None)
    assert up == ["up", "stack select", "diagnosed"]


def test_a_run_that_fails_says_why_itself(up: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any) -> None:
        raise OpsError("no such storage class")

    monkeypatch.setattr(watch, "up", fails)
    with pytest.raises(OpsError, match="no such storage class"):
        quickstart.up(None, None)
    assert up == []


@pytest.mark.parametrize(
    ("context", "down"), [(None, "`make down` first"), ("x", "`make down CONTEXT=x` first")]
)
def test_another_namespace_than_the_deployment_has_is_refused_before_anything_is_changed(
    up: list[str], monkeypatch: pytest.MonkeyPatch, context: str | None, down: str
) -> None:
    for step in ("up", "install_tools"):
        monkeypatch.setattr(api, step, lambda: up.append("tools"))
    with pytest.raises(OpsError, match=rf"is in namespace team-a, and team-b was given.*{down}"):
        quickstart.up(context, "team-b")
    assert up == []


@pytest.mark.parametrize("given", [None, "team-a"])
def test_the_namespace_that_the_deployment_has_is_no_other(
    up: list[str], monkeypatch: pytest.MonkeyPatch, given: str | None
) -> None:
    def reached(*_: Any) -> None:
        raise OpsError("reached")

    monkeypatch.setattr(watch, "up", reached)
    with pytest.raises(OpsError, match="reached"):
        quickstart.up("x", given)


def test_a_shell_s_own_passphrase_does_not_win_over_the_deployment_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quickstart, "_home", lambda _: home.Home(tmp_path))
    first, *rest = quickstart.shell_lines(None).splitlines()
    assert first == "unset PULUMI_CONFIG_PASSPHRASE"
    assert f"export PULUMI_CONFIG_PASSPHRASE_FILE={tmp_path}/passphrase" in rest
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "")
    assert "PULUMI_CONFIG_PASSPHRASE" not in home.Home(tmp_path).stack().environ()


COMMITTED = {"mlflow:context": "lab", "mlflow:namespace": "mlflow", "mlflow:storageClass": "lab-local"}


class Homes:
    """A home whose committed stack file a test can change, and which makes no stack."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.committed = folder / "committed.yaml"
        self.home = home.Home(folder)
        self.commit(COMMITTED)
        monkeypatch.setattr(home, "COMMITTED", self.committed)
        monkeypatch.setattr(home.Home, "_create_stack", lambda _: None)

    def commit(self, settings: Mapping[str, str]) -> None:
        YAML().dump({"config": dict(settings)}, self.committed)

    def prepared(self, **settings: str | None) -> dict[str, str]:
        """What the stack's file says after `make up` with these settings."""
        self.home.prepare(settings, {})
        return dict(YAML().load(self.home.stack_file)["config"])


@pytest.fixture
def homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Homes:
    return Homes(tmp_path, monkeypatch)


def test_a_namespace_that_was_given_once_stays_without_being_given_again(homes: Homes) -> None:
    """A replaced namespace is the end of the deployment and of its data."""
    assert homes.home.setting("namespace") is None
    first = homes.prepared(context="x", namespace="team-a", storageClass=None)
    assert first == {"mlflow:context": "x", "mlflow:namespace": "team-a"}
    assert homes.home.setting("namespace") == "team-a"
    assert homes.home.setting("releaseName") is None
    assert homes.prepared(context="x", storageClass=None) == first
    homes.commit({**COMMITTED, "mlflow:releaseName": "tracking", "mlflow:namespace": "other"})
    assert homes.prepared(context="x", storageClass=None) == first
    assert homes.prepared(context="x", namespace="given")["mlflow:namespace"] == "given"


def test_a_release_keeps_its_name_and_other_settings_follow_what_is_committed(homes: Homes) -> None:
    homes.commit({**COMMITTED, "mlflow:releaseName": "first"})
    homes.prepared()
    homes.commit({**COMMITTED, "mlflow:releaseName": "second", "mlflow:storageClass": "fast"})
    after = homes.prepared()
    assert (after["mlflow:releaseName"], after["mlflow:storageClass"]) == ("first", "fast")


def test_a_first_deployment_has_the_committed_names(homes: Homes) -> None:
    assert homes.prepared() == COMMITTED
