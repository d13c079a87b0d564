"""A stack's file: where it is, and how settings are written into it so that all else stays as it was."""

from __future__ import annotations

import dataclasses
import io
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, ScalarString
from ruamel.yaml.util import load_yaml_guess_indent

from ops.console import OpsError
from ops.coordinates import Move
from ops.stack import CONFIG_FILE, PASSPHRASE_FILE, PREFIX, PROGRAM, Stack


def find(stack: str, given: Path | None) -> Path:
    """The file of `stack`: the one that is given, or `Pulumi.<stack>.yaml`.

    That is looked for beside the file that PULUMI_OPTION_CONFIG_FILE names (the variable is one stack's, and
    two are at work), then beside Pulumi.yaml, as `pulumi` does. Raises `OpsError`: without a file `pulumi`
    takes every setting's default, and says nothing.
    """
    name = f"Pulumi.{stack.rpartition('/')[2]}.yaml"
    named = os.environ.get(CONFIG_FILE)
    beside = [PROGRAM / Path(named).parent / name] if named else []
    places = [given.absolute()] if given else [*beside, PROGRAM / name]
    for place in places:
        if place.is_file():
            return place
    looked = ", ".join(str(place) for place in places)
    options = "--from-config-file or --to-config-file"
    raise OpsError(f"stack {stack} has no file (looked for {looked}): name it with {options}")


def stack(name: str, file: Path, passphrase: Path | None) -> Stack:
    """The stack `name` with its own file, and its own passphrase file where two stacks' differ."""
    env = {CONFIG_FILE: str(file)}
    if passphrase:
        if not passphrase.is_file():
            raise OpsError(f"there is no passphrase file {passphrase} for stack {name}")
        env[PASSPHRASE_FILE] = str(passphrase.absolute())
    return Stack(name, env)


def rewritten(text: str, moves: Iterable[Move]) -> str:
    """A stack file's text with the values of `moves`."""
    return edited(text, {move.key: move.after for move in moves})


def edited(text: str, changes: Mapping[str, Any]) -> str:
    """A stack file's text with these settings (None: without); all else stays as it is written."""
    _, step, offset = load_yaml_guess_indent(text) if text else (None, None, None)
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 1_000_000
    if step:
        yaml.indent(mapping=step - (offset or 0), sequence=step, offset=offset or 0)
    document = yaml.load(text) or {}
    config = document.setdefault("config", {})
    for key, value in changes.items():
        # Pulumi takes a key without its project too, and of both either.
        own = f"{PREFIX}{key}"
        for name in [name for name in (key, own) if name in config] or [own]:
            if value is None:
                config.pop(name, None)
            else:
                config[name] = _like(config.get(name), value)
    written = io.StringIO()
    yaml.dump(document, written)
    return written.getvalue()


def _like(old: object, value: Any) -> Any:
    """A text in the style of the one it replaces; quoted where YAML would read a number, as `pulumi` does."""
    if not isinstance(value, str):
        return value
    if isinstance(old, ScalarString):
        return type(old)(value)
    if isinstance(old, int) and value.isdecimal():
        return int(value)
    try:
        plain = YAML(typ="safe").load(value) == value
    except YAMLError:
        plain = False
    return value if plain else DoubleQuotedScalarString(value)


@contextmanager
def aside(stack: Stack, text: str) -> Iterator[Stack]:
    """The stack with a file that has `text`: outside the checkout, gone after the block."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / stack.file.name
        copy.write_text(text)
        yield dataclasses.replace(stack, env={**stack.env, CONFIG_FILE: str(copy)})


def replace(file: Path, text: str) -> None:
    """Put `text` in the file's place at once: a reader sees the old or the new, a kill leaves one of them.

    The file need not exist.
    """
    file = file.resolve()
    scratch = file.with_name(f".{file.name}.new")
    scratch.write_text(text)
    if file.exists():
        shutil.copymode(file, scratch)
    scratch.replace(file)
