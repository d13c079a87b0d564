"""The settings of a stack, for a command that does what the program would do with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from components.settings import Settings, WrongSettings, parse
from components.settings.findings import Finding
from ops.console import OpsError
from ops.stack import Stack


def settings(stack: Stack, unfit: Callable[[Settings], Iterator[Finding]]) -> Settings:
    """The settings, valid together. Raises `OpsError` where they are not, or `unfit` finds something."""
    try:
        made = parse(stack.all_settings())
        if found := [finding.mistake for finding in unfit(made)]:
            raise WrongSettings(found)
    except WrongSettings as wrong:
        raise OpsError(str(wrong)) from wrong
    return made
