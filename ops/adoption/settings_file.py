"""The stack's settings: written with the file's comments kept, put back on failure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ruamel.yaml import YAML

from ops.console import err
from ops.stack import PREFIX, Stack


def write(stack: Stack, changes: Mapping[str, Any], secrets: Mapping[str, str]) -> None:
    """Set `changes` (None: the default) in the stack's file; `pulumi` itself encrypts `secrets`."""
    file, yaml = stack.file, YAML()
    document = (yaml.load(file) if file.exists() else None) or {}
    settings = document.setdefault("config", {})
    for key, value in changes.items():
        if value is None:
            settings.pop(f"{PREFIX}{key}", None)
        else:
            settings[f"{PREFIX}{key}"] = value
    scratch = file.with_suffix(".new")
    yaml.dump(document, scratch)
    scratch.replace(file)
    for key, text in secrets.items():
        stack.read("config", "set", "--secret", key, stdin=text)


@contextmanager
def restored(stack: Stack) -> Iterator[None]:
    """Puts the stack's state and file back where the block fails, for whatever reason."""
    file = stack.file
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
