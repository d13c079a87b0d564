"""The images that a stack runs: from where, which tag and digest, by whom, and which get no fixes any more.

Read from what was deployed: Helm's record of the release and the stack's own objects, Jobs and CronJobs too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from rich.markup import escape
from rich.table import Table

from components.settings.cluster import LEGACY
from components.settings.images import Image as Parts
from components.settings.images import parts
from ops.console import out
from ops.site import opened
from ops.stack import Stack

DEFAULT = "docker.io"
"""The registry of a reference that names none."""


@dataclass(frozen=True)
class Image(Parts):
    """One image reference, and what is known of it in a stack."""

    frozen: bool
    """Of `bitnamilegacy`: what stands there is never updated."""
    used_by: tuple[str, ...]
    """Containers, as kind/name: container."""


def images(stack: Stack) -> list[Image]:
    """The images of a deployed stack, by name. Raises `OpsError`."""
    with opened(stack) as site:
        return found([*site.state.objects, *(site.helm.objects if site.helm else ())])


def found(objects: Iterable[Mapping[str, Any]]) -> list[Image]:
    """The images that the pods of these objects run, each once, by name."""
    users: dict[Parts, list[str]] = {}
    for body in objects:
        who = f"{str(body['kind']).lower()}/{body['metadata']['name']}"
        for container in _containers(body):
            users.setdefault(parts(container["image"], DEFAULT), []).append(f"{who}: {container['name']}")
    return sorted((_image(named, by) for named, by in users.items()), key=lambda image: image.repository)


def _containers(body: Any) -> Iterator[Mapping[str, Any]]:
    """All containers below an object, those that come first included."""
    if isinstance(body, Mapping):
        for key, item in body.items():
            if key in ("initContainers", "containers") and isinstance(item, list):
                yield from item
            else:
                yield from _containers(item)
    elif isinstance(body, list):
        for item in body:
            yield from _containers(item)


def _image(named: Parts, users: list[str]) -> Image:
    frozen = named.registry == DEFAULT and named.repository.startswith(f"{LEGACY}/")
    return Image(**asdict(named), frozen=frozen, used_by=tuple(sorted(users)))


def report(name: str, listed: Iterable[Image]) -> None:
    """The images as a table, and what to know of them."""
    table = Table(box=None, pad_edge=False)
    for heading in ("image", "tag", "digest", "used by"):
        table.add_column(heading, overflow="fold")
    listed = list(listed)
    for image in listed:
        cells = (f"{image.registry}/{image.repository}", image.tag or "-", image.digest or "-")
        table.add_row(*map(escape, cells), escape("\n".join(image.used_by)))
    out.print(table)
    frozen, loose = (
        [image for image in listed if image.frozen],
        [image for image in listed if not image.digest],
    )
    if frozen:
        out.print(f"{len(frozen)} of {len(listed)} are from {LEGACY}: frozen, and get no fixes")
    if loose:
        out.print(
            f"{len(loose)} of {len(listed)} have no digest: what stack {name} runs may change with their tag"
        )


def as_json(name: str, listed: Iterable[Image]) -> dict[str, Any]:
    """The same as plain data."""
    return {"stack": name, "images": [asdict(image) for image in listed]}
