"""`python -m lab`: the lab's command line."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.table import Table

from lab import api, paths
from lab import doctor as checks
from lab.cluster import pki
from lab.shell import tail
from lab.steps import StepError, console

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="A real one-machine Kubernetes. Exit codes: 0 done, 1 failed, 2 wrong usage.",
)


@app.command()
def up() -> None:
    """Build what is missing and start what is down."""
    api.up()


@app.command()
def down() -> None:
    """Stop it and remove all of it; the cache of builds stays."""
    api.down()
    console.print("[green]✓[/green] The lab is down")


@app.command()
def status() -> None:
    """Show each part with its process and memory, and the sum."""
    rows = api.status()
    if not rows:
        console.print("The lab is down: python -m lab up")
        raise typer.Exit(1)
    table = Table("part", "pid", "MiB", box=None)
    for name, pid, memory in rows:
        table.add_row(name, str(pid or ""), f"{memory / 2**20:.0f}")
    table.add_row("total", "", f"{sum(row[2] for row in rows) / 2**20:.0f}")
    console.print(table)
    if any(pid is None for name, pid, _ in rows[:-1]):
        raise typer.Exit(1)


@app.command()
def logs(
    part: Annotated[
        str | None, typer.Argument(help="A part, as `status` shows it [default: list them]")
    ] = None,
    lines: Annotated[int, typer.Option(min=1, help="How many of the last lines")] = 50,
) -> None:
    """Print a part's last log lines."""
    known = sorted(file.stem for file in paths.logs().glob("*.log"))
    if part is None:
        print("\n".join(known))
    elif part in known:
        print(tail(paths.logs() / f"{part}.log", lines))
    else:
        raise typer.BadParameter(f"{part!r} has no log; these have: {', '.join(known) or 'none'}")


@app.command()
def kubeconfig() -> None:
    """Print the path of the cluster's kubeconfig."""
    print(pki.kubeconfig())


@app.command()
def doctor() -> None:
    """Check what the lab needs of this machine, with the fix for what is not there."""
    findings = checks.examine()
    for finding in findings:
        mark = "[green]✓[/green]" if finding.good else "[red]✗[/red]"
        console.print(f"{mark} {finding.what}" + ("" if finding.good else f": {finding.fix}"))
    raise typer.Exit(0 if all(finding.good for finding in findings) else 1)


def main() -> None:
    """Run the command line; a failed step ends as one message and exit code 1."""
    try:
        app()
    except StepError as error:
        console.print(f"[red]error:[/red] {error}", markup=True)
        sys.exit(1)
