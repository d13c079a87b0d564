"""Puts objects that exist into a stack's state, as the plugins would have written them after making them.

What the engine would make is asked of a preview: so every input is the one that the program and the installed
plugin agree on. Ids and secrets, which a preview does not know or show, are added here; the outputs come from
the cluster, by a refresh.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any

from components.tokens import COMPONENT, NAMESPACE, PROVIDER, RELEASE, SECRET, SIGNED, STACK
from ops.console import OpsError
from ops.deployed import revealed
from ops.stack import State

_HIDDEN = "[secret]"
"""What a preview shows in place of a secret."""


def secret(value: Any) -> State:
    """A value that the state keeps encrypted."""
    return {**SIGNED, "plaintext": json.dumps(value)}


def with_adopted(state: State, preview: State, hidden: Mapping[str, Any]) -> State:
    """`state` with all that `preview` would create in it; `hidden` has the secret inputs, by path.

    Raises `OpsError` where the preview would create something that a release does not have.
    """
    made = [step["newState"] for step in preview["steps"] if step["op"] == "create"]
    known = {STACK, COMPONENT, PROVIDER, NAMESPACE, SECRET, RELEASE}
    others = [resource["urn"] for resource in made if resource["type"] not in known]
    if others:
        raise OpsError(f"the stack would still create what the release does not have: {', '.join(others)}")
    provider = str(uuid.uuid4())
    resources = [_adopted(resource, provider, hidden) for resource in made]
    before = state["deployment"].get("resources", [])
    return {**state, "deployment": {**state["deployment"], "resources": [*before, *resources]}}


def _adopted(resource: State, provider: str, hidden: Mapping[str, Any]) -> State:
    """One resource as it stands in a state."""
    kept = {key: value for key, value in resource.items() if key not in ("stackTrace", "sourcePosition")}
    if not resource["custom"]:
        return kept
    inputs = resource["inputs"]
    if resource["type"] == PROVIDER:
        told = {key: value for key, value in inputs.items() if key != "__internal"}
        return {**kept, "id": provider, "outputs": told}
    kept["provider"] = f"{resource['provider'].rpartition('::')[0]}::{provider}"
    inputs = _shown(inputs, resource["urn"].rpartition("::")[2], hidden)
    metadata = inputs if resource["type"] == RELEASE else inputs["metadata"]
    found = "/".join(metadata[key] for key in ("namespace", "name") if metadata.get(key))
    outputs = {**inputs, **({"__inputs": secret(revealed(inputs))} if resource["type"] == RELEASE else {})}
    return {**kept, "id": found, "inputs": inputs, "outputs": outputs}


def _shown(value: Any, path: str, hidden: Mapping[str, Any]) -> Any:
    """`value` with every secret in the place where the preview hides it."""
    if value == _HIDDEN:
        if path not in hidden:
            raise OpsError(f"a preview hides {path}, whose value is not known")
        return secret(hidden[path])
    if isinstance(value, dict):
        return {key: _shown(item, f"{path}.{key}", hidden) for key, item in value.items()}
    return value
