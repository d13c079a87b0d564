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
def adopt(
    stack: StackName = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it without asking")] = False,
    as_json: AsJson = False,
) -> None:
    """Make a release that Helm made by hand the stack's; no pod restarts, no password changes."""
    from ops import adopt as adoption
    from ops.adoption import telling
    from ops.stack import Stack, current

    chosen = Stack(stack or current())
    what, api = adoption.look(chosen)
    telling.show(what)
    if not yes:
        typer.confirm(f"Adopt it into stack {chosen.name}?", abort=True, err=True)
    adoption.adopt(chosen, what, api)
    if as_json:
        out.print(json.dumps(telling.as_json(what)), markup=False)


@app.command()
def destroy(
    stack: StackName = None,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing; needs --confirm")] = False,
    confirm: Annotated[str | None, typer.Option(help="The stack's name, to go with --yes")] = None,
    unprotect: Annotated[bool, typer.Option("--unprotect", help="Destroy what is protected as well")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print what would be lost as JSON and change nothing")
    ] = False,
) -> None:
    """Say what destroying a stack would lose, ask for its name, then destroy it."""
    from ops import destroy as ending
    from ops.stack import Stack, current

    chosen = Stack(stack or current())
    ending.destroy(chosen, yes=yes, confirm=confirm, unprotect=unprotect, as_json=as_json)


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
