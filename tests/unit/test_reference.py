"""What is generated from the settings is up to date, and the engine accepts it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.settings import parse
from components.settings.model import GROUPS, KEYS, about, default_of
from ops import reference
from ops.stack import PROGRAM
from tests.unit.cases import SECRETS


def declared() -> dict[str, Any]:
    """The settings that Pulumi.yaml declares."""
    config = yaml.safe_load((PROGRAM / "Pulumi.yaml").read_text())["config"]
    return {key: entry for key, entry in config.items() if ":" not in key}


def test_generated_parts_are_up_to_date() -> None:
    assert [path.name for path, _ in reference.outdated()] == []


def test_pulumi_yaml_declares_every_setting_with_description_and_default() -> None:
    config = declared()
    assert list(config) == [field.alias for group in GROUPS for field in group.model_fields.values()]
    assert set(config) == set(KEYS)
    for key, entry in config.items():
        name = KEYS[key]
        default = default_of(name)
        assert entry["default"] == ("" if about(name).secret else default)
        assert entry["description"].endswith(about(name).description)
        assert entry["description"].startswith("(")


def test_the_engine_cannot_stop_at_its_first_mistake() -> None:
    """It refuses by `type` before the program runs, and a secret's plain default by `secret`."""
    for entry in declared().values():
        assert entry.get("type", "string") == "string"
        assert ("type" in entry) == isinstance(entry["default"], str)
        assert "secret" not in entry
        assert entry["default"] is not None, "the engine takes a key without default for required"


def test_no_resource_can_use_the_current_context() -> None:
    config = yaml.safe_load((PROGRAM / "Pulumi.yaml").read_text())["config"]
    assert config["pulumi:disable-default-providers"] == {"value": ["kubernetes"]}


def test_the_table_names_every_key_with_its_default() -> None:
    table = reference.table()
    for key in KEYS:
        assert f"| `{key}` | " in table
    assert "`s3` or `gcs` or `azure` or `volume`" in table
    assert "| `s3AccessKeyId` | secret |  |  |" in table
    assert "| `chartVersion` | string | `5.1.17` | yes |" in table


RECIPES = re.findall(r"```yaml\n(.*?)```", (PROGRAM / "docs" / "configuration.md").read_text(), re.DOTALL)


def test_there_are_recipes() -> None:
    assert len(RECIPES) >= 5


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_of_the_documentation_is_accepted(recipe: str) -> None:
    config = yaml.safe_load(recipe)["config"]
    given = {key.removeprefix("mlflow:"): value for key, value in config.items()}
    if "minio" in recipe and "s3ExistingSecret" not in given:
        given.update(SECRETS)
    if "chartUsername" in given:
        given["chartPassword"] = "PlantedPassword"
    if "imageUsername" in given:
        given["imagePassword"] = "PlantedPassword"
    parse(given)


def test_a_file_without_markers_is_named(tmp_path: Path) -> None:
    file = tmp_path / "README.md"
    file.write_text("nothing here")
    with pytest.raises(ValueError, match=r"README\.md needs the lines"):
        reference.generated(file, ("<start>", "<end>"), "part")


def test_writing_and_checking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "README.md"
    file.write_text("before\n<start>\nold\n<end>\nafter\n")
    monkeypatch.setattr(reference, "targets", lambda: {file: (("<start>", "<end>"), "new")})
    assert reference.main(check=True) == 1
    assert "out of date" in capsys.readouterr().err
    assert reference.main(check=False) == 0
    assert file.read_text() == "before\n<start>\nnew\n<end>\nafter\n"
    assert reference.main(check=True) == 0
