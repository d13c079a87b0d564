"""Pins a stack's images: the digest that each one's tag has today, written into the stack's file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.markup import escape

from ops import chart, registry, stack_file
from ops.console import OpsError, out, step
from ops.coordinates import Move, renamed
from ops.registry import Registries
from ops.stack import Stack
from ops.usable import Usable, usable


@dataclass(frozen=True)
class Pinned:
    """What was written, and what was left because the registry has no such image and no pod needs it."""

    moves: Sequence[Move]
    left: Sequence[str]


def pin(stack: Stack) -> Pinned:
    """Ask the registries for the digests of all images without one, and write them. Raises `OpsError`.

    Comments and order of the stack's file stay. Nothing is written unless all that pods run has a digest.
    """
    if not stack.file.is_file():
        raise OpsError(f"stack {stack.name} has no file to write to: there is no {stack.file}")
    images = usable(stack.config(), lambda: chart.password(stack))
    loose = [each for each in images if not each.image.digest]
    moves, left = [], []
    with registry.registries() as world:
        for each in loose:
            digest = found(world, each)
            if digest is None:
                left.append(each.given)
            else:
                moves.append(Move(each.key, each.given, renamed(each.given, each.image.tag, digest)))
    if moves:
        stack_file.replace(stack.file, stack_file.rewritten(stack.file.read_text(), moves))
    return Pinned(moves, left)


def found(world: Registries, each: Usable) -> str | None:
    """The digest of an image; None where it is not there and not needed. Raises `OpsError`."""
    with step(f"Asking for {registry.name(each.image)}"):
        digest = world.digest(each.image)
        if digest is None and each.needed:
            raise OpsError(
                f"registry {each.image.registry} has no {registry.name(each.image)}:"
                f" check {each.key}, `pulumi config get {each.key}`"
            )
    return digest


def report(stack: Stack, pinned: Pinned) -> None:
    """What was written, a line each."""
    for move in pinned.moves:
        out.print(f"{move.key} {escape(move.after)}")
    tell_left(pinned.left)
    if pinned.moves:
        out.print(f"`pulumi up --stack {stack.name}` runs them; commit {escape(stack.file.name)}")
    else:
        out.print(f"Nothing to write: stack {stack.name} names its images by digest")


def tell_left(left: Iterable[str]) -> None:
    """Images that were left as they are."""
    for image in left:
        out.print(
            f"[dim]left as it is: {escape(image)}, which its registry does not have and no pod runs[/dim]"
        )


def as_json(stack: Stack, pinned: Pinned) -> dict[str, Any]:
    """The same as plain data."""
    return {
        "stack": stack.name,
        "pinned": [asdict(move) for move in pinned.moves],
        "left": list(pinned.left),
    }
