"""The only place that reads Pulumi's configuration, and only when asked."""

from __future__ import annotations

import pulumi
from pulumi.runtime.config import CONFIG, is_config_secret

from components.settings.load import checked, secrecy
from components.settings.mistakes import Mistake
from components.settings.model import KEYS, Settings, about


def load() -> Settings:
    """The settings of the stack that runs. Raises `WrongSettings` with everything that is wrong in them."""
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
