"""`make mirror`: chart and images into a private registry, verified there, and the stack set to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from ops import chart, mirror_settings, mirrored, registry
from ops.console import OpsError, out, step
from ops.mirror_settings import Login
from ops.mirrored import Item, Mirror
from ops.policy import judge
from ops.registry import Registries
from ops.stack import Stack

NO_LOGIN = "--no-creds"
"""Skopeo's option to be nobody."""


@dataclass(frozen=True)
class Done:
    """What was found and done."""

    to: Mirror
    items: Sequence[Item]
    """As they were found: those not there were copied, unless nothing was to be changed."""
    settings: Sequence[str]
    """Keys that the stack has another value of now."""
    dry: bool


def carry_out(
    stack: Stack,
    to: Mirror,
    *,
    user: str = "",
    password: Callable[[], str] = str,
    authority: Path | None = None,
    copy_only: bool = False,
    dry_run: bool = False,
) -> Done:
    """Copy what is missing, see that all is there, set the stack to it unless `copy_only`.

    `user` is who pulls afterwards, `password` is asked for theirs once it is wanted, and `authority` is the
    PEM file of who signs for the mirror. Raises `OpsError`; until all is read back the stack stays.
    """
    if not (copy_only or stack.file.is_file()):
        raise OpsError(f"stack {stack.name} has no file to write to: there is no {stack.file}")
    settings = stack.config()
    if not copy_only:
        mirror_settings.refuse_unfit(settings, to, user, authority)
    authority = authority or mirror_settings.known_authority(settings, to)
    with registry.registries(to.host, authority) as world:
        login: Login | None = None
        puller: tuple[str, ...] = ()
        if user and not dry_run:
            login = Login(user, password())
            mirror_settings.refuse_wrong_login(stack, login)
            with step(f"Logging in to {to.host} as {user}"):
                puller = (world.login(to.host, login.user, login.password),)
        sources = mirrored.sources(settings, lambda: chart.password(stack))
        items = [*mirrored.compared(world, to, sources)]
        if dry_run:
            return Done(to, items, (), dry=True)
        missing = [item for item in items if not item.there]
        for number, item in enumerate(missing, 1):
            mirrored.copy(world, item, f"{number} of {len(missing)}")
        if copy_only:
            return Done(to, items, (), dry=False)
        _refuse_unreadable(world, to, items, puller, known=mirror_settings.knows_login(settings, to))
    return Done(to, items, mirror_settings.use(stack, to, items, login, authority), dry=False)


def _refuse_unreadable(
    world: Registries, to: Mirror, items: Sequence[Item], puller: Sequence[str], *, known: bool
) -> None:
    """Raises `OpsError` where the cluster would not get in: as the user that is given, or as nobody."""
    if known and not puller:
        return
    with step(f"Reading all of it from {to}, as the cluster will"):
        for item in items:
            try:
                read = mirrored.holds(world, item.target, item.digest, *(puller or (NO_LOGIN,)))
            except OpsError as error:
                who = (
                    "this user cannot read it"
                    if puller
                    else "nobody can read it without a login: give --user NAME"
                )
                raise OpsError(
                    f"everything is copied, and the stack is unchanged: {who} ({error})"
                ) from error
            if not read:
                raise OpsError(f"{to.host} does not show {registry.name(item.target)} to this user")


def report(stack: Stack, done: Done) -> None:
    """What is in the mirror as a table, and what is to be done now."""
    table = Table(box=None, pad_edge=False)
    for heading in ("setting", "in the mirror", "digest", ""):
        table.add_column(heading, overflow="fold")
    for item in done.items:
        table.add_row(*map(escape, (item.key, _name(item), item.digest, _told(item, done))))
    out.print(table)
    for key in done.settings:
        out.print(f"stack {stack.name}: {key} is set")
    if done.settings:
        out.print(f"`pulumi up --stack {stack.name}` runs from there; commit {escape(stack.file.name)}")
        _tell_policy(done.to)
    elif all(item.there for item in done.items):
        out.print(
            "Nothing to do: everything is there" if done.dry else "Nothing was copied: everything is there"
        )


def _name(item: Item) -> str:
    tag = f":{item.target.tag}" if item.target.tag else ""
    return f"{item.target.registry}/{item.target.repository}{tag}"


def _told(item: Item, done: Done) -> str:
    if item.there:
        return "there"
    return "to be copied" if done.dry else "copied"


def _tell_policy(to: Mirror) -> None:
    """The rule that allows paths of images has to know this one."""
    allowed = [str(path).rstrip("/*") for path in judge.declared()["image-path"].options["allowed"]]
    if not any(str(to) == path or str(to).startswith(f"{path}/") for path in allowed):
        out.print(f"For `make policy`: add {to} to image-path in policy/config.json")


def as_json(stack: Stack, done: Done) -> dict[str, Any]:
    """The same as plain data."""
    items = [
        {
            "setting": item.key,
            "source": asdict(item.source),
            "target": asdict(item.target),
            "digest": item.digest,
            "state": _told(item, done),
        }
        for item in done.items
    ]
    return {"stack": stack.name, "to": str(done.to), "items": items, "set": list(done.settings)}
