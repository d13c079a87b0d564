"""The only place that reads Pulumi's configuration, and only when asked."""

from __future__ import annotations

import sys

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
        if namespace == "kubernetes":
            mistakes.append(
                Mistake(
                    full_key,
                    "a setting of Pulumi's default provider",
                    f"{config.full_key('context')} and kubeconfig; nothing else chooses the cluster",
                    f"pulumi config rm {full_key}",
                )
            )
    return checked(given, tuple(mistakes))
