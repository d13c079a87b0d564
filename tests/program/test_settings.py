"""Settings as a person gives them: read, typed, frozen, and quiet about secrets."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from components.settings import Settings, WrongSettings, parse, read
from components.settings.mistakes import shown
from components.settings.model import KEYS, about, is_given, key_of
from components.settings.quantities import quantity
from tests.unit.cases import GOOD, SECRETS, Case
from tests.unit.engine import start
from tests.unit.wrong import CASES


def test_read_from_the_stack_s_configuration() -> None:
    start({**GOOD, "trackingReplicas": "2", "extraValues": '{"commonLabels": {"a": "b"}}'}, SECRETS)
    settings = read()
    assert settings.tracking_replicas == 2
    assert settings.extra_values == {"commonLabels": {"a": "b"}}
    assert settings.s3_access_key_id.get_secret_value() == SECRETS["s3AccessKeyId"]


def test_the_project_s_empty_defaults_mean_not_set() -> None:
    """The engine fills in every default of Pulumi.yaml, as plain text, secrets too."""
    start({**GOOD, "chartPassword": "", "ingressHost": "", "extraValues": "{}", "pulumi:tags": "{}"}, SECRETS)
    assert read() == parse({**GOOD, **SECRETS})


@pytest.mark.parametrize("name", sorted(name for name in KEYS.values() if about(name).secret))
def test_an_empty_secret_is_one_that_is_not_set(name: str) -> None:
    assert not is_given(Settings.model_validate({key_of(name): ""}), name)


def test_settings_cannot_be_changed() -> None:
    settings = parse({**GOOD, **SECRETS})
    with pytest.raises(ValidationError, match="frozen"):
        settings.namespace = "other"  # type: ignore[misc]


def test_no_secret_shows_in_a_settings_object() -> None:
    settings = parse({**GOOD, **SECRETS})
    assert "Planted" not in f"{settings!r} {settings} {settings.model_dump_json()}"


@pytest.mark.parametrize("name", sorted(name for name in KEYS.values() if about(name).secret))
def test_a_secret_of_the_wrong_type_is_not_shown(name: str) -> None:
    with pytest.raises(WrongSettings) as raised:
        parse({**GOOD, **SECRETS, key_of(name): {"PlantedKey": "PlantedValue"}})
    assert "Planted" not in str(raised.value)
    assert key_of(name) in str(raised.value)


def test_typed_values_are_taken_as_well_as_texts() -> None:
    typed = parse({**GOOD, **SECRETS, "metrics": True, "trackingResources": {"requests": {"cpu": 1}}})
    texts = parse({**GOOD, **SECRETS, "metrics": "true", "trackingResources": '{"requests": {"cpu": 1}}'})
    assert typed == texts


def test_annotations_are_texts_whatever_yaml_made_of_them() -> None:
    labels = parse(
        {
            **GOOD,
            **SECRETS,
            "metrics": "true",
            "serviceMonitor": "true",
            "serviceMonitorLabels": '{"a": true, "b": 1}',
        }
    )
    assert labels.service_monitor_labels == {"a": "true", "b": "1"}


def test_an_empty_extra_value_is_left_to_helm() -> None:
    assert parse({**GOOD, **SECRETS, "extraValues": {}}).extra_values == {}


@pytest.mark.parametrize(
    ("text", "number"),
    [("500m", 0.5), ("1", 1), ("1.5Gi", 1.5 * 2**30), ("2k", 2000), ("3M", 3e6), ("1Ei", 2**60)],
)
def test_quantities(text: str, number: float) -> None:
    assert float(quantity(text)) == number


def test_a_value_is_shown_short_and_without_a_url_s_password() -> None:
    assert shown("x" * 200).endswith("...")
    assert len(shown("x" * 200)) == 80
    assert "Planted" not in shown("https://user:Planted@host/")
    assert shown({"a": 1}) == '{"a": 1}'
    assert shown("x" * 3000) == "3002 characters"
    assert shown("user:Planted/Pass@host") == '"...@host"'
    assert shown("name:1@sha256:abc") == '"name:1@sha256:abc"'


def test_every_key_has_an_example_that_is_accepted() -> None:
    """A fix that is wrong again would be worse than none."""
    for key, name in KEYS.items():
        example = about(name).example
        if about(name).secret or not example or example.startswith(("--path", "<")):
            continue
        try:
            Settings.model_validate({**GOOD, key: example})
        except ValidationError as error:
            raise AssertionError(f"the example of {key}, {example}, is refused") from error


def test_every_setting_has_a_wrong_value_in_the_table() -> None:
    assert set(KEYS) - {case.key for case in CASES} == set()


@pytest.mark.parametrize("key", ["trackingReplicas", "storageClass", "metrics"])
def test_a_setting_given_with_its_default_is_as_good_as_not_given(key: str) -> None:
    settings = parse({**GOOD, **SECRETS, key: Settings.model_fields[KEYS[key]].default})
    assert not is_given(settings, KEYS[key])


def test_a_case_of_the_table_is_good_but_for_its_change() -> None:
    good = Case("", "")
    assert parse({**good.given(), **good.hidden()}) == parse({**GOOD, **SECRETS})
