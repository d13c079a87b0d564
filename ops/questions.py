"""How a command asks a person. Apart from `ops.console`, which the policy pack has too, without typer."""

from __future__ import annotations

import sys

import typer

from ops.console import OpsError


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
