"""The resources that the engine plans, as `pulumi preview --json` tells them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from components.tokens import RELEASE
from ops import chart
from ops.policy.evidence import Planned
from ops.stack import Stack

_GONE = ("delete", "read", "discard")
"""Beginnings of operations after which the stack has no such resource of its own."""


def planned(stack: Stack) -> list[Planned]:
    """What `pulumi up` would leave of the stack; changes nothing. Raises `OpsError` where the preview fails.

    A preview masks secrets, so the password of a private chart registry comes from the stack's settings.
    """
    shown = json.loads(stack.read("preview", "--json", "--show-sames", "--non-interactive"))
    return [*_planned(shown, lambda: chart.password(stack))]


def _planned(shown: Mapping[str, Any], password: Callable[[], str]) -> Iterator[Planned]:
    for step in shown.get("steps", []):
        new = step.get("newState")
        if not new or step["op"].startswith(_GONE):
            continue
        inputs = dict(new.get("inputs") or {})
        login = inputs.get("repositoryOpts") or {}
        if new["type"] == RELEASE and login.get("username"):
            inputs["repositoryOpts"] = {**login, "password": password()}
        yield Planned(new["type"], step["urn"].rpartition("::")[2], inputs, bool(new.get("protect")))
