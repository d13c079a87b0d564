"""What the next `pulumi up` of a stack would change: settings that differ from what was deployed last."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ops.differences import OTHER, OURS, differences
from ops.finding import Finding
from ops.stack import Stack

_QUIET = ("same", "read", "refresh")
_THERE = "to be there"


def findings(stack: Stack) -> list[Finding]:
    """The changes that a preview shows, property by property. Raises `OpsError` where it fails."""
    shown = json.loads(stack.read("preview", "--json", "--non-interactive"))
    fix = f"pulumi up --stack {stack.name} (or revert the setting)"
    return [
        Finding("settings", what, expected, found, fix)
        for step in shown.get("steps", [])
        if step["op"] not in _QUIET
        for what, expected, found in _changes(step)
    ]


def _changes(step: Mapping[str, Any]) -> Iterator[tuple[str, str | None, str | None]]:
    """What changes, and its two values: what the settings say, and what was deployed."""
    name = step["urn"].rpartition("::")[2]
    new, old = (step.get(state) or {} for state in ("newState", "oldState"))
    if "create" in step["op"] and "inputs" not in old:
        yield name, _THERE, None
    elif step["op"].startswith("delete"):
        yield name, None, _THERE
    else:
        changed = list(differences(new.get("inputs", {}), old.get("inputs", {})))
        for difference in changed:
            yield (f"{name}: {difference}", *difference.shown())
        if not changed:
            # Secrets are masked on both sides: that they differ is all that there is to see.
            yield name, OURS, OTHER
