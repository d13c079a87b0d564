"""Whether two stacks are fit for a promotion: the source is what it seems, the target can be taken back."""

from __future__ import annotations

from collections.abc import Mapping

from ops import drift
from ops.console import OpsError, err, step
from ops.stack import Stack
from ops.verify import verified

Config = Mapping[str, str]


def refuse_unfit(source: Stack, target: Stack, configs: tuple[Config, Config]) -> None:
    """Raises `OpsError` with what is in the way; changes nothing. `configs` are their plain settings.

    Both run what their settings say: what the source runs is what would move, and what the target runs is
    what a failed promotion goes back to. The source has not drifted, and is healthy. Where the target has
    drifted that is told: an update puts back what the chart sets.
    """
    _refuse_source(source, configs[0])
    _refuse_target(target, configs[1])
    err.print(f"{source.name} is healthy:")
    try:
        verified(source, config=configs[0])
    except Exception as error:
        raise OpsError(f"{source.name} is not healthy, so it is not promoted: {error}") from error


def _refuse_source(source: Stack, config: Config) -> None:
    found = _look(source, config)
    kinds = {each.kind for each in found}
    if "settings" in kinds:
        raise OpsError(_not_as_set(source))
    if kinds:
        raise OpsError(f"{source.name} has drifted (above), so it is not promoted")


def _refuse_target(target: Stack, config: Config) -> None:
    found = _look(target, config)
    kinds = {each.kind for each in found}
    if "settings" in kinds:
        raise OpsError(_not_as_set(target))
    if "release" in kinds:
        raise OpsError(
            f"{target.name} does not run the release that was deployed (above): bring it back first"
        )
    if kinds:
        err.print(
            f"[yellow]{target.name} has drifted (above)[/yellow]: an update puts back what the chart sets"
        )


def _look(stack: Stack, config: Config) -> list[drift.Finding]:
    """What differs between a stack's settings, what was deployed, and the cluster; it is told too."""
    with step(f"{stack.name} runs what its settings say, and has not drifted"):
        found = drift.look(stack, config)
    if found:
        drift.report(stack.name, found, to=err)
    return found


def _not_as_set(stack: Stack) -> str:
    return (
        f"{stack.name} does not run what its settings say (above):"
        f" `pulumi up --stack {stack.name}` deploys them, or revert the change"
    )
