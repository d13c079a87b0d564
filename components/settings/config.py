"""The only place that reads Pulumi's configuration, and only when asked."""

from __future__ import annotations

import difflib
import shlex
import sys
from collections.abc import Iterator

import pulumi
from pulumi.runtime.config import CONFIG, is_config_secret

from components.settings.load import checked, secrecy
from components.settings.mistakes import Mistake, WrongSettings
from components.settings.model import KEYS, Settings, about

_SHOWN = 32
"""Exit code by which the Python language host knows that the program has told its error itself; with any
other the engine adds "an unhandled error occurred" (pulumi/sdk/python/cmd/pulumi-language-python-exec)."""


def load() -> Settings:
    """The settings of the stack that runs; ends the program with one error that lists every mistake."""
    try:
        return read()
    except WrongSettings as wrong:
        pulumi.log.error(str(wrong))
        sys.exit(_SHOWN)


def read() -> Settings:
    """Like `load`, but raises `WrongSettings`."""
    config = pulumi.Config()
    given: dict[str, object] = {}
    mistakes: list[Mistake] = []
    for key, name in KEYS.items():
        value = config.get(key)
        if value is None or (about(name).secret and value == ""):
            continue
        wrong = list(secrecy(name, is_secret=is_config_secret(config.full_key(key))))
        mistakes += wrong
        if not wrong:
            given[key] = value
    for full_key in CONFIG.get():
        namespace, _, key = full_key.partition(":")
        if namespace == config.name and key not in KEYS:
            given[key] = ""
        elif namespace != config.name:
            mistakes += _foreign(full_key, namespace, config.name)
    return checked(given, tuple(mistakes))


def _foreign(full_key: str, namespace: str, project: str) -> Iterator[Mistake]:
    """A key that is not this program's, but was most likely meant for it."""
    fix = f"pulumi config rm {shlex.quote(full_key)}"
    if namespace == "kubernetes":
        accepted = f"{project}:context and {project}:kubeconfig; nothing else chooses the cluster"
        yield Mistake(full_key, "a setting of Pulumi's default provider", accepted, fix)
    elif difflib.get_close_matches(namespace, [project], 1, 0.7):
        yield Mistake(full_key, "a key of an unknown project", f"the prefix {project}:", fix)
