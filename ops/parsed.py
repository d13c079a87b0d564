"""The settings of a stack, for a command that does what the program would do with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from components.settings import Settings, WrongSettings, parse
from components.settings.findings import Finding
from components.settings.model import KEYS, about
from ops import cluster
from ops.console import OpsError
from ops.rotation.target import Target
from ops.stack import Stack


def opened(stack: Stack, unfit: Callable[[Settings], Iterator[Finding]]) -> tuple[Target, Settings]:
    """A stack's cluster, and its settings, valid together. `pulumi` is asked once for both.

    Raises `OpsError` where they are not valid, or `unfit` finds something.
    """
    given = stack.all_settings()
    secret = {key for key, name in KEYS.items() if about(name).secret}
    plain = {key: text for key, text in given.items() if key not in secret}
    target = Target(stack, plain, cluster.connect(plain))
    try:
        made = parse(given)
        if found := [finding.mistake for finding in unfit(made)]:
            raise WrongSettings(found)
    except WrongSettings as wrong:
        raise OpsError(str(wrong)) from wrong
    return target, made
