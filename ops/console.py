"""How every command speaks: progress on stderr, results on stdout, one shape for errors."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

err = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)
out = Console(highlight=False, soft_wrap=True, emoji=False)


class OpsError(RuntimeError):
    """Something the person can act on: the message says what failed and what to do."""


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
