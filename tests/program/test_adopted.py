"""`adoptedValues`: the release as Helm left it, laid over the program's own values."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from components import adopted
from components.settings.adopted_rules import not_adoptable
from components.values import own_values, patched, values
from tests.unit.cases import GOOD, SECRETS
from tests.unit.engine import awaited, start
from tests.unit.program import run
from tests.unit.settled import at, of


def test_a_patch_takes_away_replaces_and_adds() -> None:
    """The examples of RFC 7386."""
    assert patched({"a": "b", "b": {"c": "d"}}, {"a": None, "b": {"c": None}, "x": 1}) == {"b": {}, "x": 1}
    assert patched({"a": ["b"]}, {"a": "c"}) == {"a": "c"}
    assert patched({"a": "c"}, {"a": {"b": {"c": None, "d": 1}}}) == {"a": {"b": {"d": 1}}}
    assert patched({"a": {"b": 1}}, {"a": {}}) == {"a": {"b": 1}}


def test_what_is_adopted_comes_after_all_else() -> None:
    settings = of(
        extraValues={"tracking": {"extraArgs": ["--foo"]}},
        adoptedValues={"tracking": {"extraArgs": ["--foo"], "lifecycleHooks": None}},
    )
    assert at(values(settings), "tracking.extraArgs") == ["--foo"]
    assert "lifecycleHooks" not in at(values(settings), "tracking")
    assert "lifecycleHooks" in at(own_values(settings), "tracking")


def test_what_the_chart_has_by_itself_is_no_danger() -> None:
    harmless = {
        "tracking": {"auth": {"enabled": None, "username": "boss"}, "tls": {"enabled": False}, "args": []},
        "fullnameOverride": "",
        "externalS3": {"existingSecret": "s", "existingSecretKeySecretKey": "AWS_SECRET_ACCESS_KEY"},
        "externalAzureBlob": {"clientSecretKey": "AZURE_CLIENT_SECRET"},
    }
    assert not_adoptable(harmless) == {}


def test_settings_that_have_no_effect_yet_are_named() -> None:
    held = {"tracking": {"extraArgs": None, "podAnnotations": None, "resources": None, "nodeSelector": None}}
    extra = {"tracking": {"podAnnotations": {"a": "b"}, "podLabels": {"a": "b"}, "nodeSelector": {}}}
    settings = of(trackingWorkers=4, databaseSize="9Gi", extraValues=extra, adoptedValues=held)
    _, _, told = adopted.note(settings).partition(": ")
    assert told.partition(";")[0].split(", ") == [
        "trackingWorkers (tracking.extraArgs)",
        "extraValues.tracking.podAnnotations",
        "extraValues.tracking.nodeSelector",
    ]


def test_lists_that_arrive_in_part_are_named() -> None:
    extra = {"tracking": {"extraArgs": ["--a", "--b"]}}
    kept = of(extraValues=extra, adoptedValues={"tracking": {"extraArgs": ["--a", "--b"]}})
    assert adopted.note(kept) == ""
    lost = of(extraValues=extra, adoptedValues={"tracking": {"extraArgs": ["--a"]}})
    assert "extraValues.tracking.extraArgs" in adopted.note(lost)


def test_nothing_is_named_where_nothing_is_held() -> None:
    assert adopted.note(of(trackingWorkers=4)) == ""
    assert adopted.note(of(trackingWorkers=4, adoptedValues={"tracking": {"lifecycleHooks": None}})) == ""


@awaited
def test_the_program_warns_of_settings_without_effect(caplog: pytest.LogCaptureFixture) -> Any:
    given = '{"tracking": {"extraArgs": null, "extraEnvVars": null}}'
    engine = start({**GOOD, "trackingThreads": "8", "adoptedValues": given}, SECRETS)
    with caplog.at_level(logging.WARNING, "pulumi-engine"):

        def check(_: dict[str, Any]) -> None:
            assert "extraArgs" not in engine.named("mlflow-release").inputs["values"]["tracking"]
            assert [
                "no effect yet: trackingThreads (tracking.extraArgs);" in message
                for message in caplog.messages
            ] == [True]

        return run(check)
