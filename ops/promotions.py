"""What was promoted, from where and when: a line in a log beside the stack files, and tags on the stack."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.markup import escape

from ops.console import OpsError, err
from ops.coordinates import Move
from ops.stack import Stack

LOG = "promotions.log"
_LONGEST = 256
"""Characters that a tag's value may have (Pulumi Cloud)."""


def record(source: str, target: Stack, file: Path, moves: Sequence[Move], run: str) -> None:
    """Append a promotion to the log beside the target's stack file, and tag the target with it.

    One line each, oldest first: in git two branches' lines merge without a conflict (`.gitattributes`). `run`
    is the id of the MLflow run that verified it. A backend without tags is told and not minded.
    """
    now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    change = ", ".join(map(str, moves))
    line = f"{now} {source} -> {target.name}: {change} (verified by run {run})"
    try:
        with (file.parent / LOG).open("a") as log:
            log.write(f"{line}\n")
    except OSError as error:
        raise OpsError(f"promoted and verified, but not logged ({error}); the line is: {line}") from error
    tags = {
        "promoted:from": source,
        "promoted:at": now,
        "promoted:what": " ".join(f"{move.key}={move.after}" for move in moves)[:_LONGEST],
    }
    for name, value in tags.items():
        try:
            target.read("stack", "tag", "set", name, value)
        except OpsError as error:
            err.print(f"[yellow]not tagged[/yellow] {target.name}: {escape(str(error))}")
            return
