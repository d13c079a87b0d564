"""What a mirror holds of a stack, and where: its chart and its images, each below its own name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from pydantic import TypeAdapter, ValidationError

from components.settings import types as t
from components.settings.images import Image, parts
from ops import registry
from ops.console import OpsError, step
from ops.coordinates import renamed
from ops.registry import Registries
from ops.usable import usable

CHART = "chart"
_ACCEPTED = "host[:port][/path], such as registry.example.com/team, without scheme or tag"
_HUB = ("docker.io", "index.docker.io", "registry-1.docker.io")
_SIDE_BY_SIDE = 4
"""Questions to a registry at once."""


@dataclass(frozen=True)
class Mirror:
    """A registry, and the path in it below which everything is."""

    host: str
    path: str

    def __str__(self) -> str:
        """As a person gives it."""
        return f"{self.host}/{self.path}" if self.path else self.host

    def place(self, source: Image) -> Image:
        """Where an image is in the mirror; one that is in it already stays where it is."""
        below = f"{self.path}/" if self.path else ""
        inside = source.registry == self.host and source.repository.startswith(below)
        return replace(
            source,
            registry=self.host,
            repository=source.repository if inside else f"{below}{source.repository}",
        )


@dataclass(frozen=True)
class Item:
    """One thing to be in the mirror. `digest` is the source's; `there` says that the mirror has just that."""

    key: str
    """The setting that names it."""
    source: Image
    target: Image
    digest: str
    there: bool

    @property
    def setting(self) -> str:
        """The value of its setting once the stack uses the mirror."""
        if self.key == CHART:
            return f"oci://{self.target.registry}/{self.target.repository}"
        named = self.target.repository
        if parts(named, "").registry:
            # Its first part looks like a registry itself.
            named = f"{self.target.registry}/{named}"
        return renamed(named, self.source.tag, self.digest)


def mirror(given: str) -> Mirror:
    """What a person names a mirror by. Raises `OpsError` with what is accepted."""
    host, _, path = given.strip().removesuffix("/").partition("/")
    try:
        TypeAdapter(t.Registry).validate_python(host)
        TypeAdapter(t.OciChart).validate_python(f"oci://{host}/{path}/x" if path else f"oci://{host}/x")
    except ValidationError as error:
        raise OpsError(f"--to is {given!r} (accepted: {_ACCEPTED})") from error
    if host in _HUB:
        raise OpsError(f"--to is {given!r} (accepted: a registry of your own; this is the one to copy from)")
    return Mirror(host, path)


def sources(settings: Mapping[str, str], password: Callable[[], str]) -> Iterator[tuple[str, Image, bool]]:
    """The chart and every image that the stack can use: setting, reference, whether it is needed."""
    host, _, repository = settings["chart"].removeprefix("oci://").partition("/")
    # A tag has no plus sign: Helm writes a line there instead.
    yield CHART, Image(host, repository, settings["chartVersion"].replace("+", "_"), ""), True
    for each in usable(settings, password):
        yield each.key, each.image, each.needed


def compared(world: Registries, to: Mirror, wanted: Iterable[tuple[str, Image, bool]]) -> Iterator[Item]:
    """Each with what the mirror has of it; what no pod needs and no registry has is left out.

    Raises `OpsError`, where a source is not there or a registry does not answer.
    """
    with (
        step(f"Looking at chart and images, and at what {to.host} has of them"),
        ThreadPoolExecutor(_SIDE_BY_SIDE) as pool,
    ):
        found = [*pool.map(lambda each: _compared(world, to, *each), wanted)]
    yield from filter(None, found)


def _compared(world: Registries, to: Mirror, key: str, source: Image, needed: bool) -> Item | None:
    digest = world.digest(source)
    if digest is None:
        if needed:
            raise OpsError(f"registry {source.registry} has no {registry.name(source)}: check {key}")
        return None
    target = to.place(source)
    return Item(key, source, target, digest, holds(world, target, digest))


def holds(world: Registries, target: Image, digest: str, *login: str) -> bool:
    """Whether the mirror gives this content, by tag and by digest."""
    names = [replace(target, digest=digest), *([replace(target, digest="")] if target.tag else [])]
    return all(world.digest(each, *login) == digest for each in names)


def copy(world: Registries, item: Item, which: str) -> None:
    """Copy one, and see that the mirror has it as it is. Raises `OpsError`."""
    exact = replace(item.source, digest=item.digest)
    # By its tag where it has one, so that people find it; its digest is a name of it in any case.
    target = replace(item.target, digest="") if item.target.tag else exact_at(item)
    with step(f"Copying {registry.name(target)} ({which})"):
        world.copy(exact, target)
        if not holds(world, item.target, item.digest):
            raise OpsError(
                f"{item.target.registry} has a {registry.name(target)} that differs from what was copied"
            )


def exact_at(item: Item) -> Image:
    """Its place in the mirror, by digest."""
    return replace(item.target, digest=item.digest)
