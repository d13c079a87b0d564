"""What a preview says of settings that were not deployed yet."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ops import pending
from ops.console import OpsError
from ops.differences import OTHER, OURS
from ops.stack import Stack, _diagnostics, pulumi


class Previewed(Stack):
    """A stack with a preview."""

    steps: list[dict[str, Any]]

    def __init__(self, *steps: dict[str, Any]) -> None:
        super().__init__("dev")
        object.__setattr__(self, "steps", list(steps))

    def read(self, *args: str, stdin: str = "") -> str:
        assert args == ("preview", "--json", "--non-interactive")
        return json.dumps({"steps": self.steps})


def step(op: str, new: dict[str, Any] | None = None, old: dict[str, Any] | None = None) -> dict[str, Any]:
    """A step of a preview on the release."""
    states = {"newState": new, "oldState": old}
    return {
        "op": op,
        "urn": "urn:x::mlflow-release",
        **{key: {"inputs": of} for key, of in states.items() if of},
    }


def told(*steps: dict[str, Any]) -> list[Any]:
    """The findings' what, expected and found."""
    return [(each.what, each.expected, each.found) for each in pending.findings(Previewed(*steps))]


def test_nothing_to_change_is_no_finding() -> None:
    """What is only read is no change either."""
    assert told(step("same", {"a": 1}, {"a": 1}), step("read"), step("refresh")) == []


def test_a_changed_setting_is_named_with_both_values() -> None:
    found = told(
        step("update", {"values": {"replicas": 2, "same": 0}}, {"values": {"replicas": 1, "same": 0}})
    )
    assert found == [("mlflow-release: values.replicas", "2", "1")]


def test_a_changed_secret_is_named_without_its_value() -> None:
    """The engine masks it on both sides."""
    masked = {"data": "[secret]"}
    assert told(step("update", masked, masked)) == [("mlflow-release", OURS, OTHER)]


def test_what_would_be_made_or_deleted_is_named() -> None:
    assert told(step("create", {"a": 1})) == [("mlflow-release", "to be there", None)]
    assert told(step("delete", None, {"a": 1})) == [("mlflow-release", None, "to be there")]


def test_the_fix_is_the_next_up() -> None:
    (found,) = pending.findings(Previewed(step("create", {"a": 1})))
    assert found.kind == "settings"
    assert "pulumi up --stack dev" in found.fix


def test_a_failed_preview_says_why() -> None:
    """It does so on standard output, as JSON or as lines for a person."""
    shown = {
        "diagnostics": [{"severity": "info", "message": "x"}, {"severity": "error", "message": "error: y\n"}]
    }
    assert _diagnostics(json.dumps(shown)) == "error: y"
    assert _diagnostics("Diagnostics:\n  stack:\n    error: y\n  1 errored") == "error: y"
    assert _diagnostics("[]") == ""


def test_the_error_of_a_command_tells_it(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "pulumi"
    program.write_text("#!/bin/sh\necho '    error: told on standard output'\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(OpsError, match=r"exit code 1\): error: told on standard output"):
        pulumi("preview", env={"PATH": f"{tmp_path}:/bin:/usr/bin"})
