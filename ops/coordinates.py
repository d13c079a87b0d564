"""What moves from one environment to the next: the coordinates of a release, and nothing else.

Which settings these are is declared with them (`promotable=True` in `components/settings/`). Of an image its
tag and its digest move; where it is pulled from stays the environment's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from components.settings.cluster import Images
from components.settings.fields import knob_of
from components.settings.images import Image, parts
from components.settings.model import GROUPS
from ops.console import OpsError

PROMOTED = tuple(
    str(field.alias) for group in GROUPS for field in group.model_fields.values() if knob_of(field).promotable
)
"""Keys of all settings that move, in the order in which a person reads them."""

VERSIONS = ("chartVersion", "imageMlflow", "imagePostgresql")
"""Those among them that may change what is kept: a newer MLflow or PostgreSQL, on data with no way back."""

_IMAGES = frozenset(str(field.alias) for field in Images.model_fields.values()) & set(PROMOTED)


@dataclass(frozen=True)
class Move:
    """One setting of the target: its key, its value now and the one it gets, as the stack's file has them."""

    key: str
    before: str
    after: str

    def __str__(self) -> str:
        """On one line."""
        return f"{self.key} {self.before} -> {self.after}"


def moves(source: Mapping[str, str], target: Mapping[str, str], names: tuple[str, str]) -> list[Move]:
    """What has to change in the target's settings; empty when it has the source's release already.

    Both are a stack's settings with their defaults (`Stack.config`); `names` are the stacks', for the error.
    Raises `OpsError` where an image of the one is no version of the other's.
    """
    found = []
    for key in PROMOTED:
        before, after = target[key], source[key]
        if key in _IMAGES:
            after = _image(key, after, before, names)
        if after != before:
            found.append(Move(key, before, after))
    return found


def _image(key: str, source: str, target: str, names: tuple[str, str]) -> str:
    """The target's image reference with the source's tag and digest."""
    ours, theirs = parts(source, ""), parts(target, "")
    if not _same(ours, theirs):
        raise OpsError(
            f"{key} is {ours.repository} in {names[0]} and {theirs.repository} in {names[1]}:"
            " a tag of one means nothing for the other. If both should have the same image, say so once:"
            f" `pulumi config set {key} {source} --stack {names[1]}`, `pulumi up --stack {names[1]}`"
        )
    return renamed(target, ours.tag, ours.digest)


def renamed(reference: str, tag: str, digest: str) -> str:
    """An image reference with this tag and digest, or without; whether it names a registry stays as it is."""
    place, old = reference.partition("@")[0], parts(reference, "").tag
    place = place.removesuffix(f":{old}") if old else place
    return "".join((place, f":{tag}" if tag else "", f"@{digest}" if digest else ""))


def _same(one: Image, other: Image) -> bool:
    """Whether a tag means the same in both: a mirror may have the repository below a path of its own.

    A digest says what the image is, wherever it comes from.
    """
    paths = sorted((f"/{one.repository}", f"/{other.repository}"), key=len)
    return bool(one.digest) or paths[1].endswith(paths[0])
