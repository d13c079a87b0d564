"""The backup of a stack before its version moves: what a newer MLflow has made of a database stays so."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from rich.markup import escape

from ops import backup
from ops.console import OpsError, err, out
from ops.coordinates import VERSIONS, Move
from ops.stack import Stack

TAKEN, SKIPPED, MISSING, NEEDLESS = "taken", "skipped", "missing", "needless"
"""What comes of the backup: made first, not wanted, there are none, no version moves."""
IMPOSSIBLE = "impossible"
"""There can be none: they are kept in an S3 bucket, and the target has another store."""


def chosen(target: Stack, config: Mapping[str, str], moves: Sequence[Move], *, without: bool) -> str:
    """What comes of a backup of the target, whose plain settings are `config`.

    `without`: somebody has said that none is wanted. Raises `OpsError` for a stack in production that has no
    backups, unless that is said.
    """
    if not versions(moves):
        return NEEDLESS
    if without:
        return SKIPPED
    if config.get("backupSchedule"):
        return TAKEN
    store = config.get("artifactStore", backup.S3)
    if config.get("production") == "true":
        on = f"--stack {target.name}"
        ways = {backup.S3: f"`pulumi config set backupSchedule @daily {on}`, `pulumi up {on}`; or go"}
        none = f"There are none with artifactStore {store}: back up its database by its own means, and go"
        raise OpsError(
            f"{target.name} is in production and has no backups, and {_named(moves)} would move: an older"
            " MLflow does not start on a database that a newer one has migrated."
            f" {ways.get(store, none)} without: --no-backup"
        )
    return MISSING if store == backup.S3 else IMPOSSIBLE


def versions(moves: Sequence[Move]) -> Collection[str]:
    """The keys of versions among what moves."""
    return [move.key for move in moves if move.key in VERSIONS]


def tell(target: Stack, moves: Sequence[Move], backup: str) -> None:
    """One line beside the change."""
    which = _named(moves)
    said = {
        TAKEN: f"backup first: {target.name} is backed up before {which} moves",
        SKIPPED: f"no backup of {target.name} (--no-backup)",
        MISSING: f"[yellow]no backup:[/yellow] {target.name} has no backupSchedule, and {which} moves",
        IMPOSSIBLE: f"[yellow]no backup:[/yellow] there are none with the artifactStore of {target.name}, and"
        f" {which} moves (--no-backup confirms that this is intended)",
    }
    if backup in said:
        out.print(said[backup])


def carry_out(target: Stack, config: Mapping[str, str], backup_: str) -> None:
    """Back the target up, where that is to be done. Raises `OpsError`: nothing was changed."""
    if backup_ != TAKEN:
        return
    err.print(f"{escape(target.name)} is backed up first:")
    try:
        backup.report(backup.backup(target, config))
    except Exception as error:
        raise OpsError(
            f"{target.name} could not be backed up, so nothing was changed: {error}"
            " (to go without: --no-backup)"
        ) from error


def _named(moves: Sequence[Move]) -> str:
    return ", ".join(versions(moves))
