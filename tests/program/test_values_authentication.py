"""Helm values of fast authentication: all of it or nothing, whatever else is given."""

from __future__ import annotations

import json
from typing import Any

import pytest

from components.values import own_values, values
from components.values_authentication import FOLDER, fast_authentication
from components.values_kept import source
from tests.unit.settled import at, of

HOOK = "mlflow_fast_authentication"


def test_the_server_finds_the_module_that_its_hook_names() -> None:
    found = values(of(namespace="here"))
    assert at(found, "tracking.auth.extraOverrides.authorization_function") == f"{HOOK}:authenticate_request"
    assert {"name": "PYTHONPATH", "value": FOLDER} in at(found, "tracking.extraEnvVars")
    (mount,), (volume,), (module,) = (
        at(found, path) for path in ("tracking.extraVolumeMounts", "tracking.extraVolumes", "extraDeploy")
    )
    assert mount == {"name": volume["name"], "mountPath": FOLDER, "readOnly": True}
    assert module["metadata"] == {"name": volume["configMap"]["name"], "namespace": "here"}
    assert module["data"] == {f"{HOOK}.py": source("pod_authentication.py")}


def test_pods_start_anew_when_the_module_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    first = at(values(of()), "tracking.podAnnotations")
    monkeypatch.setattr("components.values_authentication.source", lambda _: "another")
    second = at(values(of()), "tracking.podAnnotations")
    assert {key for key in first if first[key] != second[key]} == {"checksum/fast-authentication"}


@pytest.mark.parametrize(("threads", "overflow"), [("8", "10"), ("32", "28"), ("100", "96")])
def test_each_thread_can_have_a_connection_and_one_of_them_a_second(threads: str, overflow: str) -> None:
    """With the 5 that a pool keeps: where every thread holds one, the second of one lets all go on."""
    wanted = {"name": "MLFLOW_SQLALCHEMYSTORE_MAX_OVERFLOW", "value": overflow}
    assert wanted in at(values(of(trackingThreads=threads)), "tracking.extraEnvVars")


def test_turned_off_nothing_of_it_is_left() -> None:
    found = values(of(fastAuthentication="false"))
    assert "extraDeploy" not in found
    assert found["tracking"].keys() & {"extraEnvVars", "extraVolumes", "extraVolumeMounts"} == set()
    assert HOOK not in json.dumps(found)


def test_what_others_mount_and_set_comes_after_it() -> None:
    more: dict[str, Any] = {
        "extraEnvVars": [{"name": "A", "value": "b"}],
        "extraVolumes": [{"name": "mine", "emptyDir": {}}],
        "extraVolumeMounts": [{"name": "mine", "mountPath": "/mine"}],
        "auth": {"extraOverrides": {"default_permission": "EDIT"}},
    }
    found = values(of(extraValues={"tracking": more}))
    ours = fast_authentication(of())
    for path in ("extraEnvVars", "extraVolumes", "extraVolumeMounts"):
        assert found["tracking"][path] == [*ours["tracking"][path], *more[path]]
    assert at(found, "tracking.auth.extraOverrides").keys() == {
        "authorization_function",
        "default_permission",
    }


@pytest.mark.parametrize(
    "held",
    [
        {"extraDeploy": None},
        {"extraDeploy": [{"kind": "Secret"}]},
        {"tracking": {"auth": {"extraOverrides": None}}},
        {"tracking": {"extraEnvVars": [{"name": "A", "value": "b"}]}},
        {"tracking": {"extraVolumes": None}},
        {"tracking": {"extraVolumeMounts": None}},
    ],
)
def test_held_back_in_part_it_is_off_as_a_whole(held: dict[str, Any]) -> None:
    """A hook without its module would refuse everybody, a volume without its source would start no pod."""
    settings = of(adoptedValues=held)
    assert HOOK in json.dumps(own_values(settings))
    assert HOOK not in json.dumps(values(settings))
    assert values(settings) == values(of(adoptedValues=held, fastAuthentication="false"))


def test_given_back_it_is_on() -> None:
    held = {"tracking": {"lifecycleHooks": None}}
    assert HOOK in json.dumps(values(of(adoptedValues=held)))
