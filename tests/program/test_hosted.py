"""The component for other programs: its arguments are the settings, and it makes what the program makes."""

from __future__ import annotations

import json
from typing import Any

import pulumi
import pytest
from pulumi.errors import InputPropertiesError
from pulumi.provider.server import ComponentInitError

from components import hosted, tracking
from components.arguments import settings_of
from components.hosted import Host, MlflowTracking
from components.settings import Settings, WrongSettings, parse
from components.settings.model import KEYS, about
from components.tokens import COMPONENT
from components.values_restart import ANNOTATION, with_later
from tests.unit.cases import GOOD, SECRETS
from tests.unit.engine import Engine, awaited, start

ARGS = {KEYS[key]: value for key, value in GOOD.items()}
KEYS_OF_S3 = {KEYS[key]: value for key, value in SECRETS.items()}


@pytest.fixture(scope="module")
def component() -> dict[str, Any]:
    """The component in the schema that the engine gets."""
    found: dict[str, Any] = json.loads(str(Host().schema))["resources"][COMPONENT]
    return found


def test_the_token_is_the_program_s_own() -> None:
    assert [*json.loads(str(Host().schema))["resources"]] == [COMPONENT]


def test_every_setting_is_an_argument_of_the_same_name(component: dict[str, Any]) -> None:
    assert {*component["inputProperties"]} == {*KEYS}
    assert component.get("requiredInputs", []) == []


def test_an_argument_says_what_it_does_and_accepts(component: dict[str, Any]) -> None:
    for key, argument in component["inputProperties"].items():
        knob = about(KEYS[key])
        assert argument["description"].startswith(f"{knob.description} Accepts {knob.accepted}.")
    assert component["inputProperties"]["trackingWorkers"]["description"].endswith(" Default: 2.")
    assert "Default" not in component["inputProperties"]["s3Endpoint"]["description"]


def test_an_argument_has_the_type_of_its_setting(component: dict[str, Any]) -> None:
    kinds = {str: "string", bool: "boolean", int: "integer", list: "array", dict: "object"}
    for key, argument in component["inputProperties"].items():
        default = Settings.model_fields[KEYS[key]].default
        assert argument["type"] == ("string" if about(KEYS[key]).secret else kinds[type(default)]), key


def test_secrets_may_be_outputs_and_all_else_is_known_beforehand(component: dict[str, Any]) -> None:
    for key, argument in component["inputProperties"].items():
        secret = about(KEYS[key]).secret
        assert (argument.get("secret", False), argument.get("plain", False)) == (secret, not secret), key


def test_the_outputs_are_the_component_s_and_the_login_is_secret(component: dict[str, Any]) -> None:
    assert [*hosted.MlflowTracking.__annotations__] == [*tracking.MlflowTracking.__annotations__]
    outputs = component["properties"]
    assert len(outputs) == len(tracking.MlflowTracking.__annotations__)
    assert all(output["description"].endswith(".") for output in outputs.values())
    assert {key for key, output in outputs.items() if output.get("secret")} == {
        "adminUsername",
        "adminPassword",
    }


def hosting(args: dict[str, Any]) -> tuple[Engine, MlflowTracking]:
    """The component as another program makes it, and what the engine got."""
    engine = start({}, {})
    return engine, MlflowTracking("mlflow", args)


def seen(engine: Engine) -> dict[str, Any]:
    """What was registered, as far as it goes to a provider."""
    return {name: (found.type, found.inputs, found.parent) for name, found in engine.resources.items()}


@awaited
def test_it_makes_what_the_program_makes() -> Any:
    engine = start(GOOD, SECRETS)
    own = tracking.MlflowTracking("mlflow", parse({**GOOD, **SECRETS}))

    def then(_: Any) -> Any:
        wanted = seen(engine)
        other, server = hosting({**ARGS, **KEYS_OF_S3})

        def check(_: Any) -> None:
            assert seen(other) == wanted

        return pulumi.Output.all(**server.outputs()).apply(check)

    return pulumi.Output.all(**own.outputs()).apply(then)


@awaited
def test_secrets_that_are_outputs_end_in_the_same_secrets_and_restart_the_same_pods() -> Any:
    engine, server = hosting({**ARGS, **KEYS_OF_S3})

    def then(_: Any) -> Any:
        wanted = seen(engine)
        assert ANNOTATION in str(wanted["mlflow-release"])
        later = {key: pulumi.Output.secret(text) for key, text in KEYS_OF_S3.items()}
        other, hidden = hosting({**ARGS, **later})

        def check(_: Any) -> None:
            assert seen(other) == wanted

        return pulumi.Output.all(**hidden.outputs()).apply(check)

    return pulumi.Output.all(**server.outputs()).apply(then)


def test_known_secrets_alone_leave_the_values_as_they_are() -> None:
    settings = settings_of({**ARGS, **KEYS_OF_S3})
    values = {"tracking": {"podAnnotations": {ANNOTATION: "0000"}}}
    assert with_later(values, settings) is values


def test_values_without_the_annotation_get_none() -> None:
    settings = settings_of(
        {**ARGS, **{key: pulumi.Output.from_input(text) for key, text in KEYS_OF_S3.items()}}
    )
    assert with_later({}, settings) == {}


@pytest.mark.parametrize(("text", "given"), [("two words", "not well formed"), ("", "nothing")])
def test_a_secret_is_looked_at_when_it_is_known(text: str, given: str) -> None:
    @awaited
    def look() -> Any:
        start({}, {})
        later = pulumi.Output.from_input(text)
        settings = settings_of({**ARGS, **KEYS_OF_S3, "s3_secret_access_key": later})
        return settings.later["s3_secret_access_key"]

    with pytest.raises(WrongSettings, match=given) as raised:
        look()
    assert "two words" not in str(raised.value)


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("namespace", pulumi.Output.from_input("team")),
        ("trackingWorkers", pulumi.Output.from_input(2)),
        ("extraValues", {"tracking": {"tolerations": [{"key": pulumi.Output.secret("planted")}]}}),
        ("imagePullSecrets", [pulumi.Output.from_input("own")]),
    ],
)
def test_only_a_secret_may_be_an_output(argument: str, value: object) -> None:
    """The others stand in names, or in Helm's record."""
    start({}, {})
    with pytest.raises(InputPropertiesError) as raised:
        Host().construct("server", COMPONENT, {**GOOD, **SECRETS, argument: value})
    (detail,) = raised.value.errors or []
    assert detail["property_path"] == argument
    accepted = f"plain, and known before the update: {about(KEYS[argument]).accepted}"
    assert detail["reason"] == f"given: a secret, or an output of another resource; accepted: {accepted}"


def test_the_way_to_the_login_is_by_the_resource_s_own_outputs() -> None:
    """Another program exports them by names of its own."""

    @awaited
    def look() -> Any:
        _, server = hosting({**ARGS, **KEYS_OF_S3})
        return server.login.apply(lambda told: seen_login.append(told))

    seen_login: list[str] = []
    look()
    assert "adminPassword" in seen_login[0]
    assert "stack output" not in seen_login[0]


def test_whole_numbers_of_the_wire_are_whole() -> None:
    args = {
        **ARGS,
        **KEYS_OF_S3,
        "tracking_workers": 3.0,
        "extra_values": {"tracking": {"tolerations": [{"key": "a", "tolerationSeconds": 60.0}, 0.5]}},
    }
    settings = settings_of(args)
    assert settings.tracking_workers == 3
    assert json.dumps(settings.extra_values) == json.dumps(
        {"tracking": {"tolerations": [{"key": "a", "tolerationSeconds": 60}, 0.5]}}
    )


def test_an_empty_secret_is_none() -> None:
    args = {**ARGS, **KEYS_OF_S3, "chart_password": ""}
    assert settings_of(args) == settings_of({**ARGS, **KEYS_OF_S3})


def test_all_mistakes_are_told_by_argument_and_no_secret_with_them() -> None:
    start({}, {})
    inputs = {"context": "lab", "trackingWorkers": 0.0, "s3SecretAccessKey": "planted secret"}
    with pytest.raises(InputPropertiesError) as raised:
        Host().construct("server", COMPONENT, inputs)
    told = {detail["property_path"]: detail["reason"] for detail in raised.value.errors or []}
    assert {"trackingWorkers", "s3SecretAccessKey", "s3Endpoint"} <= {*told}
    assert told["trackingWorkers"] == "given: 0; accepted: a whole number, 1 to 32"
    assert "planted" not in f"{raised.value.message}{told}"


def test_another_failure_is_not_taken_for_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(hosted, "settings_of", broken)
    with pytest.raises(ComponentInitError, match="broken"):
        Host().construct("server", COMPONENT, {"context": "lab"})


@awaited
def test_what_the_engine_gets_back_are_the_outputs() -> Any:
    start({}, {})
    result = Host().construct("mlflow", COMPONENT, {**GOOD, **SECRETS})
    assert {*result.state} >= {"trackingUrl", "adminUsername", "adminPassword"}
    return pulumi.Output.from_input(result.state["trackingUrl"]).apply(
        lambda url: pytest.fail(url) if url != "http://mlflow-tracking.mlflow.svc" else None
    )


def test_it_is_served_with_the_engine_s_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    called = []
    monkeypatch.setattr(hosted, "main", lambda *args: called.append(args))
    hosted.serve(["127.0.0.1:1"])
    ((host, args),) = called
    assert isinstance(host, Host)
    assert args == ["127.0.0.1:1"]
