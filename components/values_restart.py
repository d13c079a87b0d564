"""Helm value that restarts the server's pods when the stack's own credentials change.

Pods take credentials when they start, so a new key in a Secret alone changes nothing for them.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from components.settings import Settings
from components.settings.model import KEYS, about, text_of

ANNOTATION = "checksum/credentials"
_DIGITS = 4
"""16 bits: enough to see a change (all but 1 in 65536), too few to guess a password from."""
_NOT_THE_SERVERS = "chart_password"


def restart(settings: Settings) -> dict[str, Any]:
    """An annotation of the pods that follows from the secrets among the settings; nothing without any."""
    secrets = sorted(name for name in KEYS.values() if about(name).secret and name != _NOT_THE_SERVERS)
    given = {name: text for name in secrets if (text := text_of(settings, name))}
    if not given:
        return {}
    digest = hashlib.sha256(json.dumps(given).encode()).hexdigest()
    return {"tracking": {"podAnnotations": {ANNOTATION: digest[:_DIGITS]}}}
