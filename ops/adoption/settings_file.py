"""The stack's settings: read with secrets, written with the file's comments kept, put back on failure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from ops.console import err
from ops.stack import PROGRAM, Stack

_PREFIX = "mlflow:"


def config(stack: Stack) -> dict[str, str]:
    """All settings as texts, the defaults too, secrets in clear: keep them out of logs."""
    raw = json.loads(stack.read("config", "--json", "--show-secrets"))
    return {
        key.removeprefix(_PREFIX): entry["value"] for key, entry in raw.items() if key.startswith(_PREFIX)
    }


def write(stack: Stack, changes: Mapping[str, Any], secrets: Mapping[str, str]) -> None:
    """Set `changes` (None: the default) in the stack's file; `pulumi` itself encrypts `secrets`."""
    file, yaml = _file(stack), YAML()
    document = (yaml.load(file) if file.exists() else None) or {}
    settings = document.setdefault("config", {})
    for key, value in changes.items():
        if value is None:
            settings.pop(f"{_PREFIX}{key}", None)
        else:
            settings[f"{_PREFIX}{key}"] = value
    scratch = file.with_suffix(".new")
    yaml.dump(document, scratch)
    scratch.replace(file)
    for key, text in secrets.items():
        stack.read("config", "set", "--secret", key, stdin=text)


@contextmanager
def restored(stack: Stack) -> Iterator[None]:
    """Puts the stack's state and file back where the block fails, for whatever reason."""
    file = _file(stack)
    text = file.read_text() if file.exists() else None
    before = stack.read("stack", "export")
    try:
        yield
    except BaseException:
        if text is None:
            file.unlink(missing_ok=True)
        else:
            file.write_text(text)
        stack.read("stack", "import", stdin=before)
        err.print("State and settings of the stack are as before; the release was not touched.")
        raise


def _file(stack: Stack) -> Path:
    """Where `pulumi` keeps the settings of the stack."""
    named = stack.environ().get("PULUMI_OPTION_CONFIG_FILE")
    return Path(named) if named else PROGRAM / f"Pulumi.{stack.name.rpartition('/')[2]}.yaml"
