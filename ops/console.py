"""How every command speaks: progress on stderr, results on stdout, one shape for errors."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console

err = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)
out = Console(highlight=False, soft_wrap=True, emoji=False)


class OpsError(RuntimeError):
    """Something the person can act on: the message says what failed and what to do."""


def somebody() -> bool:
    """Whether somebody can be asked: not in CI."""
    return sys.stdin.isatty()


def require_somebody() -> None:
    """Raises `OpsError` where nobody can be asked."""
    if not somebody():
        raise OpsError("nobody is here to confirm: give --yes (with `make`: YES=1)")


def confirm(question: str) -> None:
    """Ask, and go on where the answer is yes. Raises `typer.Abort` where it is no, `OpsError` without one."""
    try:
        agreed = typer.confirm(question, err=True)
    except typer.Abort:
        require_somebody()
        raise
    if not agreed:
        raise typer.Abort


@contextmanager
def step(what: str) -> Iterator[None]:
    """Show `what` while it runs, then one line with its time (seconds) or its failure."""
    began = time.monotonic()
    try:
        with err.status(what):
            yield
    except BaseException:
        err.print(f"[red]✗[/red] {what}")
        raise
    err.print(f"[green]✓[/green] {what} [dim]({time.monotonic() - began:.1f} s)[/dim]")
