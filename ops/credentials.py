"""The administrator's login of a stack, printed because somebody asked for it."""

from __future__ import annotations

from ops.stack import Stack


def credentials(stack: Stack) -> dict[str, str]:
    """Address, user name and password, as the stack's outputs have them: secret. Raises `OpsError`."""
    outputs = stack.outputs()
    keys = {"url": "tracking_url", "username": "admin_username", "password": "admin_password"}
    return {key: str(outputs[output]) for key, output in keys.items()}
