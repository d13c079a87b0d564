"""A stack that is no more than a file: `pulumi config` on it is done here, and secrets are seen as such."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from ruamel.yaml import YAML

import ops.stack
from components.settings.model import KEYS, about, default_of
from ops.stack import CONFIG_FILE, PREFIX, Stack

FILE = """\
# Ours
config:
  # the lab's
  mlflow:context: lab
  mlflow:s3Endpoint: https://minio.example.com
  mlflow:s3ExistingSecret: mine
  mlflow:imageMlflow: bitnamilegacy/mlflow # the server
"""


def _defaults() -> dict[str, str]:
    """The settings' defaults as the engine tells them; secrets have none."""
    plain = {key: default_of(name) for key, name in KEYS.items() if not about(name).secret}
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in plain.items()}


def _pulumi(*args: str, env: Mapping[str, str], stdin: str = "", **_: Any) -> str:
    file = Path(env[CONFIG_FILE])
    if args[:3] == ("config", "set", "--secret"):
        kept = YAML()
        document = kept.load(file)
        document["config"][f"{PREFIX}{args[3]}"] = {"secure": stdin[::-1]}
        kept.dump(document, file)
        return ""
    if args[:2] == ("config", "get"):
        return str(yaml.safe_load(file.read_text())["config"][f"{PREFIX}{args[2]}"]["secure"][::-1])
    assert args[:2] == ("config", "--json"), args
    entries = {key: {"value": text, "secret": False} for key, text in _defaults().items()}
    for key, value in yaml.safe_load(file.read_text())["config"].items():
        name = key.removeprefix(PREFIX)
        if isinstance(value, dict) and "secure" in value:
            shown = {"value": value["secure"][::-1]} if "--show-secrets" in args else {}
            entries[name] = {**shown, "secret": True}
        else:
            text = value if isinstance(value, str) else json.dumps(value)
            entries[name] = {"value": text, "secret": False}
    return json.dumps({f"{PREFIX}{key}": entry for key, entry in entries.items()})


def filed(folder: Path, monkeypatch: pytest.MonkeyPatch, more: str = "") -> Stack:
    """The stack `prod`, with lines added to its file."""
    monkeypatch.setattr(ops.stack, "pulumi", _pulumi)
    file = folder / "Pulumi.prod.yaml"
    file.write_text(FILE + more)
    return Stack("prod", {CONFIG_FILE: str(file)})


def settings(stack: Stack) -> dict[str, Any]:
    """What its file says, as YAML reads it, without the keys' prefix."""
    return {
        key.removeprefix(PREFIX): value
        for key, value in yaml.safe_load(stack.file.read_text())["config"].items()
    }
