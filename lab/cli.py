"""`python -m lab`: the lab's command line."""

from __future__ import annotations

import shutil
import signal
import sys
from typing import Annotated

import typer
from filelock import FileLock, Timeout
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from lab import api, cache, paths
from lab import doctor as checks
from lab.cluster import pki, trust
from lab.shell import tail
from lab.steps import StepError, console

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="A real one-machine Kubernetes. Exit codes: 0 done, 1 failed, 2 wrong usage.",
)

result = Console(highlight=False, soft_wrap=True, emoji=False)
"""What a command was asked for goes to standard output; progress and errors do not."""


@app.command()
def up() -> None:
    """Build what is missing and start what is down."""
    api.up()


@app.command()
def build(
    checks: Annotated[bool, typer.Option("--checks", help="Only what the fast tests run")] = False,
    tests: Annotated[bool, typer.Option("--tests", help="Also what all the others run")] = False,
) -> None:
    """Build what is missing and start nothing."""
    api.build_checks() if checks else api.build()
    if tests:
        api.build_for_tests()


@app.command()
def stop() -> None:
    """Stop it and keep its data: `up` brings back the same cluster, as after a reboot."""
    api.stop()
    console.print("[green]✓[/green] The lab is stopped; its data is kept")


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
        result.print("The lab is down: python -m lab up")
        raise typer.Exit(1)
    table = Table("part", "pid", "MiB", box=None)
    for name, pid, memory in rows:
        table.add_row(name, str(pid or ""), f"{memory / 2**20:.0f}")
    table.add_row("total", "", f"{sum(row[2] for row in rows) / 2**20:.0f}")
    result.print(table)
    if any(pid is None for name, pid, _ in rows[:-1]):
        raise typer.Exit(1)


@app.command()
def logs(
    part: Annotated[
        str | None, typer.Argument(help="A part, as `status` shows it, or a build (default: list them)")
    ] = None,
    lines: Annotated[int, typer.Option(min=1, help="How many of the last lines")] = 50,
) -> None:
    """Print the last log lines of a part or a build."""
    folder = paths.logs()
    known = sorted(str(file.relative_to(folder).with_suffix("")) for file in folder.rglob("*.log"))
    if part is None:
        print("\n".join(known))
    elif part in known:
        print(tail(folder / f"{part}.log", lines))
    else:
        raise typer.BadParameter(f"{part!r} has no log; these have: {', '.join(known) or 'none'}")


@app.command()
def kubeconfig() -> None:
    """Print the path of the cluster's kubeconfig."""
    print(pki.kubeconfig())


@app.command()
def ca() -> None:
    """Print the path of the certificate of the authority that signs for the lab's ingress."""
    print(trust.certificate())


@app.command()
def doctor() -> None:
    """Check what the lab needs of this machine, with the fix for what is not there."""
    findings = checks.examine()
    for finding in findings:
        mark = "[green]✓[/green]" if finding.good else "[red]✗[/red]"
        text = finding.what if finding.good else f"{finding.what}: {finding.fix}"
        result.print(f"{mark} {escape(text)}")
    raise typer.Exit(0 if all(finding.good for finding in findings) else 1)


@app.command()
def clean(
    everything: Annotated[
        bool, typer.Option("--all", help="Current builds too: the next `up` makes all of them again")
    ] = False,
) -> None:
    """Free disk: remove builds that newer ones have replaced or nobody uses, and what killed ones left."""
    if not paths.root().exists():
        return
    before = shutil.disk_usage(paths.root()).free
    try:
        with FileLock(paths.root() / "lab.lock", timeout=0):
            if everything and api.status():
                raise StepError("the lab runs from what is to be removed: python -m lab down")
            gone = cache.clean(everything=everything)
            if everything:
                shutil.rmtree(api.bin_folder(), ignore_errors=True)
    except Timeout:
        raise StepError("the lab is being brought up or down right now: try again later") from None
    freed = max(0, shutil.disk_usage(paths.root()).free - before)
    result.print(f"Builds removed: {len(gone)} ({freed / 2**20:.0f} MiB)")


def main() -> None:
    """Run the command line; a failed step ends as one message and exit code 1."""
    # Asked to end, it ends as on Ctrl-C: with the programs it has started for a build.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # Also when its terminal goes, but not under nohup.
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.default_int_handler)
    try:
        app()
    except StepError as error:
        console.print(f"[red]error:[/red] {escape(str(error))}")
        sys.exit(1)
