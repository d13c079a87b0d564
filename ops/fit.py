"""Whether two stacks are fit for a promotion: the source is what it seems, the target can be taken back."""

from __future__ import annotations

from contextlib import suppress

from ops import recover
from ops.console import OpsError, err, step
from ops.stack import Stack
from ops.verify import verified


def refuse_unfit(source: Stack, target: Stack) -> None:
    """Raises `OpsError` with the first thing that is in the way; changes nothing.

    Both must run what their settings say: what the source runs is what would move, and what the target runs
    is what a failed promotion goes back to. The source has not drifted and is healthy.
    """
    if recover.stuck(target):
        raise OpsError(f"{target.name} is locked or was cut short: `make recover STACK={target.name}` first")
    for stack in (source, target):
        with step(f"{stack.name} runs what its settings say"):
            _settled(stack)
    with step(f"{source.name} has not drifted"):
        _steady(source)
    err.print(f"{source.name} is healthy:")
    try:
        verified(source)
    except Exception as error:
        raise OpsError(f"{source.name} is not healthy, so it is not promoted: {error}") from error


def _settled(stack: Stack) -> None:
    """Raises `OpsError` unless a preview has no changes, and shows what it has."""
    try:
        stack.read("preview", "--expect-no-changes")
    except OpsError as error:
        with suppress(OpsError):
            stack.run("preview", "--diff")
        raise OpsError(
            f"{stack.name} does not run what its settings say (the preview above): "
            f"`pulumi up --stack {stack.name}` deploys them, or take the change back"
        ) from error


def _steady(stack: Stack) -> None:
    """Raises `OpsError` where the cluster has something else than the stack has deployed."""
    from ops import drift

    found = drift.look(stack)
    if found:
        listed = "\n".join(
            f"  {one.kind} {one.what}: {one.found}, expected {one.expected}; {one.fix}" for one in found
        )
        raise OpsError(f"{stack.name} has drifted, so it is not promoted:\n{listed}")
