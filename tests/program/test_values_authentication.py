"""Helm values of the server's hooks: all of them or nothing, whatever else is given."""

from __future__ import annotations

import json
from typing import Any

import pytest

from components.pod_requests import AT_ONCE
from components.values import own_values, values
from components.values_authentication import FOLDER, hooks, modules
from components.values_kept import source
from tests.unit.settled import at, of

HOOK = "mlflow_fast_authentication"


def test_the_server_finds_the_module_that_its_hook_names() -> None:
    found = values(of(namespace="here"))
    asked = "mlflow_strict_permissions.hook:authenticate_request"
    assert at(found, "tracking.auth.extraOverrides.authorization_function") == asked
    assert {"name": "PYTHONPATH", "value": FOLDER} in at(found, "tracking.extraEnvVars")
    (mount,), (volume,), (module,) = (
        at(found, path) for path in ("tracking.extraVolumeMounts", "tracking.extraVolumes", "extraDeploy")
    )
    assert mount == {"name": volume["name"], "mountPath": FOLDER, "readOnly": True}
    assert module["metadata"] == {"name": volume["configMap"]["name"], "namespace": "here"}
    items = {item["path"]: module["data"][item["key"]] for item in volume["configMap"]["items"]}
    assert items == modules(of())
    assert items[f"{HOOK}.py"] == source("pod_authentication.py")
    assert items["mlflow_requests.py"] == source("pod_requests.py")
    assert items["mlflow_strict_permissions/hook.py"] == source("pod_permissions/hook.py")
    assert not any("{{" in text for text in items.values()), "the chart would take it for a template"


def test_each_hook_can_be_had_alone() -> None:
    fast = hooks(of(strictPermissions="false"))
    assert at(fast, "tracking.auth.extraOverrides.authorization_function") == f"{HOOK}:authenticate_request"
    assert list(modules(of(strictPermissions="false"))) == [
        f"{HOOK}.py",
        "mlflow_requests.py",
        "mlflow_artifacts_out.py",
    ]
    strict = hooks(of(fastAuthentication="false"))
    assert strict["tracking"]["extraEnvVars"] == [{"name": "PYTHONPATH", "value": FOLDER}]
    assert f"{HOOK}.py" not in modules(of(fastAuthentication="false"))


def test_the_default_permission_is_written_where_it_is_not_mlflow_s_own() -> None:
    assert at(values(of()), "tracking.auth.extraOverrides").keys() == {"authorization_function"}
    found = values(of(defaultPermission="NO_PERMISSIONS"))
    assert at(found, "tracking.auth.extraOverrides.default_permission") == "NO_PERMISSIONS"
    assert "authorization_function" in at(found, "tracking.auth.extraOverrides")
    assert at(found, "tracking.podAnnotations")["default-permission"] == "NO_PERMISSIONS"
    assert "default-permission" not in at(values(of()), "tracking.podAnnotations")


def test_pods_start_anew_when_the_module_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    first = at(values(of()), "tracking.podAnnotations")
    monkeypatch.setattr("components.values_authentication.source", lambda _: "another")
    second = at(values(of()), "tracking.podAnnotations")
    assert {key for key in first if first[key] != second[key]} == {"checksum/authentication"}


def test_fewer_work_at_once_than_a_pool_has_connections() -> None:
    """Half of the 15 that SQLAlchemy opens: where every one holds one, the second of one lets all go on."""
    (at_once,) = (one["value"] for one in at(values(of()), "tracking.extraEnvVars") if one["name"] == AT_ONCE)
    assert 1 < int(at_once) * 2 <= 16


def test_turned_off_nothing_of_it_is_left() -> None:
    found = values(of(fastAuthentication="false", strictPermissions="false"))
    assert "extraDeploy" not in found
    assert found["tracking"].keys() & {"extraEnvVars", "extraVolumes", "extraVolumeMounts"} == set()
    assert HOOK not in json.dumps(found)


def test_what_others_mount_and_set_comes_after_it() -> None:
    more: dict[str, Any] = {
        "extraEnvVars": [{"name": "A", "value": "b"}],
        "extraVolumes": [{"name": "mine", "emptyDir": {}}],
        "extraVolumeMounts": [{"name": "mine", "mountPath": "/mine"}],
    }
    found = values(of(extraValues={"tracking": more}))
    ours = hooks(of())
    for path in ("extraEnvVars", "extraVolumes", "extraVolumeMounts"):
        assert found["tracking"][path] == [*ours["tracking"][path], *more[path]]


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
    off = {"fastAuthentication": "false", "strictPermissions": "false"}
    assert values(settings) == values(of(adoptedValues=held, **off))


def test_given_back_it_is_on() -> None:
    held = {"tracking": {"lifecycleHooks": None}}
    assert HOOK in json.dumps(values(of(adoptedValues=held)))
