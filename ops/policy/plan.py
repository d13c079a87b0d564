"""The resources that the engine plans, as `pulumi preview --json` tells them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from components.kinds import RELEASE
from ops import chart
from ops.policy.evidence import Planned
from ops.stack import Stack

_GONE = ("delete", "read", "discard")
"""Beginnings of operations after which the stack has no such resource of its own."""


def planned(stack: Stack) -> list[Planned]:
    """What `pulumi up` would leave of the stack; changes nothing. Raises `OpsError` where the preview fails.

    A preview masks secrets, so the login of a private chart registry comes from the stack's settings.
    """
    shown = json.loads(stack.read("preview", "--json", "--show-sames", "--non-interactive"))
    login = chart.of(stack)
    return [
        *_planned(shown, {"username": login.username, "password": login.password, "caFile": login.ca_file})
    ]


def _planned(shown: Mapping[str, Any], login: Mapping[str, str]) -> Iterator[Planned]:
    for step in shown.get("steps", []):
        new = step.get("newState")
        if not new or step["op"].startswith(_GONE):
            continue
        inputs = dict(new.get("inputs") or {})
        if new["type"] == RELEASE and login["username"]:
            inputs["repositoryOpts"] = login
        yield Planned(new["type"], step["urn"].rpartition("::")[2], inputs, bool(new.get("protect")))
