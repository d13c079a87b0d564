"""What the last `pulumi up` of a stack deployed, as its state has it: release, own objects, outputs."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from components import names
from components.tokens import KUBERNETES, RELEASE, SIGNED, STACK
from ops.console import OpsError
from ops.stack import Stack


@dataclass(frozen=True, repr=False)
class Deployed:
    """The last deployment; secrets are in clear, so it is never printed."""

    outputs: Mapping[str, Any]
    values: Mapping[str, Any]
    """Helm values that the last `up` gave to the release."""
    release: Mapping[str, Any]
    """name, namespace, revision, status, version (the chart's)."""
    objects: tuple[Mapping[str, Any], ...]
    """The stack's own objects: Namespace, Secrets, those of backups."""

    def login(self) -> dict[str, str]:
        """The login as its Secret has it, by key; empty before the outputs are there."""
        return {
            key: base64.b64encode(str(self.outputs[output]).encode()).decode()
            for key, output in (
                (names.ADMIN_USER_KEY, "admin_username"),
                (names.ADMIN_PASSWORD_KEY, "admin_password"),
            )
            if output in self.outputs
        }


def deployed(stack: Stack) -> Deployed:
    """The state of a stack at rest. Raises `OpsError` while it is worked on, or is stuck, or was never up."""
    state = stack.export("--show-secrets")["deployment"]
    if state.get("pending_operations"):
        raise OpsError(
            f"an update of stack {stack.name} is under way or was cut short: wait for it, or"
            f" `make recover STACK={stack.name}`"
        )
    resources = [revealed(resource) for resource in state.get("resources", [])]
    release = next((found for found in resources if found["type"] == RELEASE), None)
    root = next((found for found in resources if found["type"] == STACK), None)
    if release is None or "status" not in release.get("outputs", {}):
        raise OpsError(f"stack {stack.name} has no release yet: run `pulumi up --stack {stack.name}`")
    return Deployed(
        outputs=(root or {}).get("outputs", {}),
        values=release["inputs"].get("values", {}),
        release=release["outputs"]["status"],
        objects=tuple(
            found["inputs"]
            for found in resources
            if found["type"].startswith(KUBERNETES) and found["type"] != RELEASE and not found.get("external")
        ),
    )


def revealed(value: Any) -> Any:
    """A value of a state that was exported with its secrets, these put in place."""
    if isinstance(value, Mapping):
        if SIGNED.items() <= value.items():
            return revealed(json.loads(value["plaintext"]))
        return {key: revealed(item) for key, item in value.items()}
    return [revealed(item) for item in value] if isinstance(value, list) else value
