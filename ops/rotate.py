"""Changes a stack's credentials while it serves: the administrator's, the database's, the store's.

What does not apply to a stack is left out, and said. All is checked before anything is changed; what an
earlier run has begun is finished first of all, whatever was asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Protocol

from ops import recover
from ops.console import OpsError, err, step
from ops.rotation.admin import Admin
from ops.rotation.database import Database
from ops.rotation.store import Pair, Store
from ops.rotation.target import Target
from ops.stack import Stack

Confirm = Callable[[str], bool]
Keys = Callable[[], Pair | None]


class Part(Protocol):
    """One kind of credentials."""

    @property
    def name(self) -> str:
        """As the option of the command line."""

    @property
    def what(self) -> str:
        """In a person's words."""

    def refusal(self, target: Target, /) -> str:
        """Why there is nothing to rotate here; empty where there is."""

    def check(self, target: Target) -> None:
        """See that it can be done, and change nothing. Raises `OpsError`."""

    def rotate(self, target: Target) -> None:
        """Do it, or finish what was begun. Raises `OpsError`."""


def rotate(stack: Stack, chosen: Collection[str], keys: Keys, confirm: Confirm) -> bool:
    """Rotate the `chosen` parts, or all that apply where none is; whether it was confirmed.

    `keys` gives the new keys of the store, if there are any. Raises `OpsError`; run again, it finishes.
    """
    if recover.stuck(stack):
        recover.report(recover.recover(stack))
    target = Target.of(stack)
    begun = target.begun()
    if begun:
        err.print(f"[yellow]note:[/yellow] finishing what was begun before: {', '.join(sorted(begun))}")
    else:
        _deployed(stack)
    work = _work(target, chosen, begun, keys)
    for part in work:
        part.check(target)
    _tell_of_a_gap(target, work)
    if not confirm(f"Change {' and '.join(part.what for part in work)} of stack {stack.name}?"):
        return False
    for part in work:
        part.rotate(target)
    err.print(f"[green]rotated[/green] {' and '.join(part.name for part in work)}")
    return True


def _work(target: Target, chosen: Collection[str], begun: Collection[str], keys: Keys) -> list[Part]:
    """What to do, in order. Raises `OpsError` where a chosen part does not apply, or none does."""
    parts: tuple[Part, ...] = (Admin(), Database(), Store(keys))
    work = []
    for part in parts:
        if chosen and part.name not in {*chosen, *begun}:
            continue
        if refusal := part.refusal(target):
            if part.name in chosen:
                raise OpsError(f"--{part.name}: {refusal}")
            err.print(f"Left as it is: {part.what.partition(' (')[0]}: {refusal}")
        else:
            work.append(part)
    return work


def _deployed(stack: Stack) -> None:
    """The stack is what its settings say: a rotation runs `pulumi up`, which must bring nothing else."""
    with step("Checking that no other change is waiting for `pulumi up`"):
        try:
            stack.read("preview", "--expect-no-changes")
        except OpsError as error:
            raise OpsError(
                f"stack {stack.name} has changes that are not deployed, or cannot be previewed. A rotation"
                f" must not deploy them too: `pulumi up --stack {stack.name}` first ({error})"
            ) from error


def _tell_of_a_gap(target: Target, work: Collection[Part]) -> None:
    """A volume that one pod at a time may have is no fault, but nobody answers while pods change."""
    volume = target.config["trackingVolume"] == "true" or target.config["artifactStore"] == "volume"
    if (
        volume
        and target.config["trackingVolumeAccessMode"] == "ReadWriteOnce"
        and {part.name for part in work} - {Admin.name}
    ):
        err.print(
            "[yellow]note:[/yellow] the server's volume allows one pod at a time:"
            " the server does not answer for some 20 s while that pod is replaced"
        )
