"""Carries a release's coordinates from one stack to the next: checked, shown, asked for, verified, recorded.

The target's stack file is written last. Until the promoted release is verified the engine works with a copy
of it, so whatever ends a promotion early leaves the file as it was, and the way back is `pulumi up` with it.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import typer
from rich.markup import escape
from rich.table import Table

from ops import promotions, safeguard, stack_file, watch, way_back
from ops.console import OpsError, err, out
from ops.coordinates import Move, moves
from ops.fit import Config, refuse_unfit
from ops.questions import confirm, require_somebody
from ops.stack import Stack
from ops.verify import verified

DIFFERS = 3
"""Exit code of a check that found something to promote."""


@dataclass(frozen=True)
class Promotion:
    """What moves from one stack to the other; `file` is the target's stack file."""

    source: Stack
    target: Stack
    file: Path
    configs: tuple[Config, Config]
    """The plain settings of both before anything moves; in which cluster they are never does."""
    moves: Sequence[Move]
    backup: str = safeguard.NEEDLESS
    """What comes of a backup of the target before anything is changed."""


def plan(source: Stack, target: Stack, file: Path, *, no_backup: bool = False) -> Promotion:
    """Compare the settings of both stacks. Raises `OpsError` where they cannot be, or need a backup first."""
    configs = source.config(), target.config()
    found = moves(*configs, (source.name, target.name))
    backup = safeguard.chosen(target, configs[1], found, without=no_backup)
    return Promotion(source, target, file, configs, found, backup)


def look(wanted: Promotion, *, as_json: bool) -> int:
    """Do all but change something: the exit code is 3 when something would move. Raises `OpsError`."""
    if wanted.moves:
        refuse_unfit(wanted.source, wanted.target, wanted.configs)
        with stack_file.aside(wanted.target, _rewritten(wanted)) as target:
            _preview(target, quiet=as_json)
    if as_json:
        found = [dataclasses.asdict(move) for move in wanted.moves]
        told = {
            "from": wanted.source.name,
            "to": wanted.target.name,
            "moves": found,
            "backup": wanted.backup,
        }
        typer.echo(json.dumps(told))
    else:
        _show(wanted)
    return DIFFERS if wanted.moves else 0


def carry_out(wanted: Promotion, *, yes: bool) -> None:
    """Check, show, ask unless `yes`, back up, deploy, verify, write the target's file, record.

    Raises `OpsError` on a refusal, with nothing changed, or on a failure, after the way back.
    """
    if not wanted.moves:
        _show(wanted)
        return
    if not yes:
        require_somebody()
    refuse_unfit(wanted.source, wanted.target, wanted.configs)
    with stack_file.aside(wanted.target, _rewritten(wanted)) as target:
        _show(wanted)
        _preview(target, quiet=False)
        if not yes:
            confirm(f"Promote {wanted.source.name} to {target.name}?")
        safeguard.carry_out(wanted.target, wanted.configs[1], wanted.backup)
        told = f"promoted from {wanted.source.name}: {'; '.join(map(str, wanted.moves))}"
        try:
            watch.up(target, wanted.configs[1], told, watch.HOPELESS)
            run = verified(target, config=wanted.configs[1]).run_id
            stack_file.replace(wanted.file, _rewritten(wanted))
        except (Exception, KeyboardInterrupt) as error:
            _take_back(wanted, error)
    promotions.record(wanted.source.name, wanted.target, wanted.file, wanted.moves, run)
    err.print(
        f"[green]promoted[/green] {wanted.source.name} to {wanted.target.name}; commit {wanted.file.name}"
    )


def _show(wanted: Promotion) -> None:
    """The change as a table, on standard output."""
    source, target = wanted.source.name, wanted.target.name
    if not wanted.moves:
        out.print(f"Nothing to promote: {target} has the release of {source}")
        return
    table = Table()
    for heading in ("setting", f"{target} has", f"gets from {source}"):
        table.add_column(heading, overflow="fold")
    for move in wanted.moves:
        table.add_row(move.key, move.before, move.after)
    out.print(table)
    safeguard.tell(wanted.target, wanted.moves, wanted.backup)


def _rewritten(wanted: Promotion) -> str:
    return stack_file.rewritten(wanted.file.read_text(), wanted.moves)


def _preview(target: Stack, *, quiet: bool) -> None:
    """Show what the target would do. Raises `OpsError` where its settings or the chart refuse the release."""
    try:
        if quiet:
            target.read("preview")
        else:
            target.run("preview", "--diff")
    except OpsError as error:
        if quiet:
            with suppress(OpsError):
                target.run("preview")
        raise OpsError(
            f"{target.name} refuses this release (the preview above); nothing was changed"
        ) from error


def _lost_schema(wanted: Promotion) -> str:
    """What to do where the old version finds the database migrated; empty without a backup."""
    if wanted.backup != safeguard.TAKEN:
        return ""
    return (
        "\nA newer MLflow may have migrated the database, and then the old one does not start:"
        f" `make restore STACK={wanted.target.name} FROM=latest ARGS=--replace` brings back the backup that"
        " was made before it"
    )


def _take_back(wanted: Promotion, error: BaseException) -> NoReturn:
    """Bring the target back to its old release. Raises `OpsError`: what failed, and how it is now."""
    source, target = wanted.source.name, wanted.target.name
    failed = f"the promotion of {source} to {target} failed: {str(error) or 'it was interrupted'}"
    err.print(f"[red]✗[/red] {escape(failed)}\n{target} goes back to its old version")
    try:
        way_back.tell(target, wanted.configs[1])
        way_back.take(wanted.target, wanted.configs[1], f"back from a failed promotion of {source}")
    except (Exception, KeyboardInterrupt) as second:
        raise OpsError(
            f"{failed}\nGoing back failed too: {str(second) or 'it was interrupted'}\n"
            f"Its stack file still has the old version: `make recover STACK={target}`, then"
            f" `pulumi up --stack {target}`{_lost_schema(wanted)}"
        ) from error
    raise OpsError(
        f"{failed}\n{target} is on its old version, running and verified; its stack file is unchanged"
    ) from error
