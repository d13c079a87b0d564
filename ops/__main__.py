"""`python -m ops`: one command line for all day-2 commands."""

from __future__ import annotations

import json
import signal
import sys
from typing import Annotated

import typer
from rich.markup import escape

from lab.steps import StepError
from ops.console import OpsError, err, out

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Day-2 commands for MLflow stacks. Exit codes: 0 done, 1 failed, 2 wrong usage.",
)

StackName = Annotated[str | None, typer.Option("--stack", help="The stack (default: the selected one)")]
Context = Annotated[
    str | None,
    typer.Option(help="Kube context of a cluster you have (default: bring up the lab's own cluster)"),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do it without asking")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output")]


@app.command()
def up(
    context: Context = None,
    namespace: Annotated[str | None, typer.Option(help="Kubernetes namespace")] = None,
) -> None:
    """Bring up a running, verified MLflow: cluster, `pulumi up`, verification."""
    from ops import quickstart

    quickstart.up(context, namespace)


@app.command()
def down(context: Context = None) -> None:
    """Remove what `up` made; the cache of builds stays."""
    from ops import quickstart

    quickstart.down(context)


@app.command()
def env(context: Context = None) -> None:
    """Print shell lines that make pulumi, kubectl and helm mean what `up` made."""
    from ops import quickstart

    out.print(quickstart.shell_lines(context), markup=False)


@app.command()
def verify(
    stack: StackName = None,
    url: Annotated[
        str | None, typer.Option(help="Address to use (default: the stack's tracking_url)")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Log in, log a run, get its artifact back, find both in their stores."""
    from ops import verify as checks
    from ops.stack import Stack, current

    chosen = Stack(stack or current())
    with checks.reachable(chosen.outputs(), chosen.config(), url) as deployment:
        proof = checks.verify(deployment)
    if as_json:
        out.print(json.dumps(checks.as_json(proof)), markup=False)
    else:
        err.print(
            f"[green]verified[/green] {proof.url}: run {proof.run_id} in {proof.database} and {proof.store}"
        )


@app.command()
def recover(stack: StackName = None) -> None:
    """Bring a stack back after `pulumi` was killed: lock, pending operations, Helm's pending record."""
    from ops import recover as mending
    from ops.stack import Stack, current

    mending.report(mending.recover(Stack(stack or current())))


@app.command()
def rotate(
    stack: StackName = None,
    admin: Annotated[bool, typer.Option("--admin", help="Only the administrator's password")] = False,
    database: Annotated[bool, typer.Option("--database", help="Only the database's passwords")] = False,
    store: Annotated[
        bool, typer.Option("--store", help="Only the S3 keys: reads the new id and secret, a line each")
    ] = False,
    yes: Yes = False,
) -> None:
    """Change the credentials of a stack that serves; without an option, all that apply."""
    from ops import rotate as changing
    from ops.stack import Stack, current

    if not yes and not _somebody_there():
        raise typer.BadParameter("nobody can be asked here: give --yes")
    given = {"admin": admin, "database": database, "store": store}
    chosen = {part for part, wanted in given.items() if wanted}
    typed = _typed_keys if _somebody_there() else None
    piped = _piped_keys() if store and not typed else None
    done = changing.rotate(
        Stack(stack or current()),
        chosen,
        typed or (lambda: piped),
        lambda what: yes or typer.confirm(what, err=True),
    )
    if not done:
        raise typer.Abort


def _somebody_there() -> bool:
    return sys.stdin.isatty()


def _typed_keys() -> tuple[str, str] | None:
    """The new keys of the store, typed unseen."""
    asked = "New access key id of the store (empty: leave its keys)"
    access = typer.prompt(asked, default="", hide_input=True, show_default=False, err=True)
    return (access, typer.prompt("New secret access key", hide_input=True, err=True)) if access else None


def _piped_keys() -> tuple[str, str]:
    """The new keys of the store, two lines of standard input."""
    lines = sys.stdin.read().split()
    if len(lines) != 2:
        raise typer.BadParameter(
            "--store needs two lines on standard input: access key id, secret access key"
        )
    return lines[0], lines[1]


def main() -> None:
    """Run the command line; what the person can act on ends as one message and exit code 1."""
    # Asked to end, it ends as on Ctrl-C: in order, and with what it has started. Set even where a shell
    # started it with Ctrl-C ignored: plugins that inherit that outlive `pulumi` by 5 s, at every command.
    for asked in (signal.SIGTERM, signal.SIGINT):
        signal.signal(asked, signal.default_int_handler)
    try:
        app()
    except (OpsError, StepError) as error:
        err.print(f"[red]error:[/red] {escape(str(error))}")
        sys.exit(1)


if __name__ == "__main__":
    main()
