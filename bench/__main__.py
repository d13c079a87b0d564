"""`python -m bench` (`make bench`): the figures, each with its bar and whether it holds."""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Annotated

import typer
from filelock import FileLock, Timeout
from rich.markup import escape

from bench import report
from bench.figures import Name, as_json, good, table
from bench.machine import Machine
from bench.measures import INSTALL_PAIRS, PREVIEW_PAIRS, read
from bench.programs import FAILURES, PLAIN, BenchError
from lab import paths
from ops.console import err, out

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def bench(
    only: Annotated[list[Name] | None, typer.Option(help="Measure this figure; may be repeated")] = None,
    pairs: Annotated[
        int | None,
        typer.Option(
            min=1, help=f"Pairs of Pulumi and Helm (if not given: {PREVIEW_PAIRS} and {INSTALL_PAIRS})"
        ),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="A lab that is there may be deleted, with all that is logged in it")
    ] = False,
    with_cold: Annotated[
        bool, typer.Option("--cold", help="Also `make up` with empty caches, which takes 20 to 45 minutes")
    ] = False,
    report_wanted: Annotated[
        bool, typer.Option("--report", help="Write what was measured of serving into docs/serving.md")
    ] = False,
    json_wanted: Annotated[
        bool, typer.Option("--json", help="The figures as JSON on standard output")
    ] = False,
) -> None:
    """Measure the project's figures on the lab and hold each to its bar.

    Exit codes: 0 all that was measured holds, 1 something does not or failed, 2 wrong usage.
    """
    names = chosen(only or [], with_cold)
    with _alone():
        machine = Machine(may_take_down=yes)
        try:
            readings = [read(name, machine, pairs) for name in names]
            if report_wanted:
                report.write(readings)
        finally:
            machine.leave()
    if json_wanted:
        out.print(json.dumps(as_json(readings), indent=2), markup=False)
    else:
        out.print(table(readings))
    raise typer.Exit(0 if good(readings) else 1)


def chosen(only: list[Name], with_cold: bool) -> list[Name]:
    """What to measure, in the order that it is measured in."""
    wanted = set(only) or set(Name) - {Name.COLD}
    if with_cold:
        wanted.add(Name.COLD)
    return [name for name in Name if name in wanted]


def _alone() -> FileLock:
    """Two benches would measure each other."""
    paths.root().mkdir(parents=True, exist_ok=True)
    lock = FileLock(paths.root() / "bench.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise BenchError("another bench is running") from None
    return lock


def main() -> None:
    """Run the command line in the environment of a plain shell: nobody's stack is meant by accident."""
    for key in set(os.environ) - set(PLAIN):
        del os.environ[key]
    # Asked to end, it ends as on Ctrl-C: it removes what it made.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        app()
    except FAILURES as error:
        err.print(f"[red]error:[/red] {escape(str(error))}")
        sys.exit(1)


if __name__ == "__main__":
    main()
