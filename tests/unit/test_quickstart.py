"""`make up` says why, when what it brought up does not work."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lab import api
from ops import diagnose, quickstart, recover, watch
from ops import verify as checks
from ops.console import OpsError


@pytest.fixture
def up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """A machine where all is up but what a test breaks; what was done is kept in order."""
    done: list[str] = []
    stack = SimpleNamespace(
        read=lambda *args: done.append(" ".join(args)),
        last_changes=lambda: {"same": 9},
        config=dict,
        outputs=lambda: {"admin_username": "user", "namespace": "mlflow"},
    )
    home = SimpleNamespace(environ=dict, folder=tmp_path, prepare=lambda *_: None, stack=lambda: stack)
    monkeypatch.setattr(api, "up", lambda: None)
    monkeypatch.setattr(quickstart, "_home", lambda _: home)
    monkeypatch.setattr(quickstart, "_settings", lambda *_: ({}, {}))
    monkeypatch.setattr(quickstart, "_serve", lambda *_: "http://127.0.0.1:5001")
    monkeypatch.setattr(recover, "stuck", lambda _: False)
    monkeypatch.setattr(watch, "up", lambda _: done.append("up"))
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
    def fails(_: Any) -> None:
        raise OpsError("no such storage class")

    monkeypatch.setattr(watch, "up", fails)
    with pytest.raises(OpsError, match="no such storage class"):
        quickstart.up(None, None)
    assert up == []
