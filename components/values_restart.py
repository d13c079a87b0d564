"""Helm value that restarts the server's pods when the stack's own credentials change.

Pods take credentials when they start, so a new key in a Secret alone changes nothing for them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import pulumi

from components.settings import Settings
from components.settings.model import KEYS, about, secret_of, text_of

ANNOTATION = "checksum/credentials"
_DIGITS = 4
"""16 bits: enough to see a change (all but 1 in 65536), too few to guess a password from."""
_NOT_THE_SERVERS = ("chart_password", "image_password")


def restart(settings: Settings) -> dict[str, Any]:
    """An annotation of the pods that follows from the secrets among the settings; nothing without any."""
    given = _given(settings)
    return {"tracking": {"podAnnotations": {ANNOTATION: _digest(given)}}} if given else {}


def with_later(values: dict[str, Any], settings: Settings) -> dict[str, Any]:
    """`values` with an annotation that follows from secrets which only the engine knows, where it has one.

    It says no more than the same of known secrets, so it is none itself.
    """
    annotations = values.get("tracking", {}).get("podAnnotations", {})
    if not settings.later or ANNOTATION not in annotations:
        return values
    texts = pulumi.Output.all(**{name: secret_of(settings, name) for name in _given(settings)})
    annotation = {ANNOTATION: pulumi.Output.unsecret(texts.apply(_digest))}
    return {**values, "tracking": {**values["tracking"], "podAnnotations": {**annotations, **annotation}}}


def _given(settings: Settings) -> dict[str, str]:
    """The secrets of the server among the settings, by field, in the order of their names."""
    secrets = sorted(name for name in KEYS.values() if about(name).secret and name not in _NOT_THE_SERVERS)
    return {name: text for name in secrets if (text := text_of(settings, name))}


def _digest(given: Mapping[str, str]) -> str:
    ordered = {name: given[name] for name in sorted(given)}
    return hashlib.sha256(json.dumps(ordered).encode()).hexdigest()[:_DIGITS]
