"""`python -m ops`: one command line for all day-2 commands."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from lab import proxies
from lab.steps import StepError
from ops import questions
from ops.console import OpsError, err, out
from ops.questions import confirm

if TYPE_CHECKING:
    from ops.stack import Stack

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Day-2 commands for MLflow stacks."
    " Exit codes: 0 done, 1 failed, 2 wrong usage, 3 found differences.",
)

StackName = Annotated[str | None, typer.Option("--stack", help="The stack (default: the selected one)")]
Context = Annotated[
    str | None,
    typer.Option(help="Kube context of a cluster you have (default: bring up the lab's own cluster)"),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do it without asking")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output")]


def _stack(name: str | None) -> Stack:
    """The stack of this name, or the selected one. Raises `OpsError` when none is."""
    from ops.stack import Stack, current

    return Stack(name or current())


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
    """Remove what `up` created; cached builds stay."""
    from ops import quickstart

    quickstart.down(context)


@app.command()
def env(context: Context = None) -> None:
    """Print shell lines that point pulumi, kubectl and helm at what `up` created."""
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

    proof = checks.verified(_stack(stack), url)
    if as_json:
        typer.echo(json.dumps(checks.as_json(proof)))
    else:
        err.print(
            f"[green]verified[/green] {proof.url}: run {proof.run_id} in {proof.database} and {proof.store}"
        )


@app.command()
def recover(stack: StackName = None) -> None:
    """Bring a stack back after `pulumi` was killed: lock, pending operations, Helm's pending record."""
    from ops import recover as mending

    mending.report(mending.recover(_stack(stack)))


@app.command()
def adopt(
    stack: StackName = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Bring a release installed by hand with Helm into the stack; no pod restarts, no password changes."""
    from ops import adopt as adoption
    from ops.adoption import telling

    chosen = _stack(stack)
    what, api = adoption.look(chosen)
    telling.show(what)
    if not yes:
        confirm(f"Adopt it into stack {chosen.name}?")
    adoption.adopt(chosen, what, api)
    if as_json:
        typer.echo(json.dumps(telling.as_json(what)))


@app.command()
def destroy(
    stack: StackName = None,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing; needs --confirm")] = False,
    name: Annotated[str | None, typer.Option("--confirm", help="The stack's name, to go with --yes")] = None,
    unprotect: Annotated[
        bool, typer.Option("--unprotect", help="Destroy protected resources as well")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print what would be lost as JSON and change nothing")
    ] = False,
) -> None:
    """Say what destroying a stack would lose, ask for its name, then destroy it."""
    from ops import destroy as ending

    chosen = _stack(stack)
    ending.destroy(chosen, yes=yes, confirm=name, unprotect=unprotect, as_json=as_json)


@app.command()
def drift(
    stack: StackName = None,
    repair: Annotated[bool, typer.Option("--repair", help="Put back what can be put back")] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Compare the cluster with what the stack says; exit code 3 if something drifted."""
    from ops import drift as checks

    chosen, done = _stack(stack), list[str]()
    found = [] if repair and yes else checks.look(chosen)
    if repair and found:
        checks.report(chosen.name, found, to=err)
        confirm("Put back what can be put back?")
        yes = True
    if repair and yes:
        from ops import repair as mending

        done, found = mending.repair(chosen)
    if as_json:
        typer.echo(json.dumps(checks.as_json(chosen.name, found, done)))
    else:
        checks.report(chosen.name, found, done)
    _differences(bool(found))


@app.command()
def policy(
    stack: StackName = None,
    config: Annotated[
        Path | None, typer.Option(help="Levels and options of the rules (default: policy/config.json)")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check what `pulumi up` would create against the platform's rules.

    Exit code 1 if a mandatory one is broken.
    """
    from ops.policy import evidence, judge, plan, telling

    chosen = _stack(stack)
    declared = judge.declared(config or judge.CONFIG)
    found = judge.judge(evidence.whole(plan.planned(chosen)), declared)
    if as_json:
        typer.echo(json.dumps(telling.as_json(chosen.name, found)))
    else:
        telling.report(chosen.name, found)
    if any(each.stops for each in found):
        raise typer.Exit(1)


@app.command()
def values(stack: StackName = None, as_json: AsJson = False) -> None:
    """Print the Helm values in force (`helm get values`)."""
    from ops import helm_yaml
    from ops import values as helm

    found = helm.in_force(_stack(stack).config())
    typer.echo(json.dumps(found) if as_json else helm_yaml.dump(found), nl=as_json)


@app.command()
def defaults(stack: StackName = None, as_json: AsJson = False) -> None:
    """Print the defaults of the stack's chart at its version (`helm show values`)."""
    from ops import chart, helm_yaml

    chosen = _stack(stack)
    found = chart.defaults(chart.of(chosen.config(), lambda: chart.password(chosen)))
    typer.echo(json.dumps(helm_yaml.mapping(found)) if as_json else found, nl=as_json)


@app.command()
def compare(stack: StackName = None, as_json: AsJson = False) -> None:
    """Show the stack's values, those in force and the chart's defaults side by side.

    Exit code 3 if the values in force are not the stack's.
    """
    from ops import values as helm

    found = helm.compare(_stack(stack))
    if as_json:
        typer.echo(json.dumps(helm.as_json(found)))
    else:
        helm.report(found)
    _differences(any(row.differs for row in found))


@app.command()
def images(
    stack: StackName = None,
    pin: Annotated[
        bool, typer.Option("--pin", help="Write the digest of each image's tag into the stack's file")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List the images that a stack runs: registry, tag, digest, what uses them, and which are frozen."""
    from ops import images as running

    chosen = _stack(stack)
    if pin:
        from ops import pins

        pinned = pins.pin(chosen)
        if as_json:
            typer.echo(json.dumps(pins.as_json(chosen, pinned)))
        else:
            pins.report(chosen, pinned)
        return
    found = running.images(chosen)
    if as_json:
        typer.echo(json.dumps(running.as_json(chosen.name, found)))
    else:
        running.report(chosen.name, found)


@app.command()
def mirror(
    to: Annotated[str, typer.Option("--to", help="The registry, host[:port][/path]")],
    stack: StackName = None,
    user: Annotated[
        str,
        typer.Option(
            help="User that pulls from it; the password is prompted for, or read as a line of standard input"
        ),
    ] = "",
    ca_file: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="PEM file of the CA that signed its certificate"),
    ] = None,
    copy_only: Annotated[bool, typer.Option("--copy-only", help="Leave the stack as it is")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be copied")] = False,
    as_json: AsJson = False,
) -> None:
    """Copy a stack's chart and images to a private registry, verify them, and point the stack at it."""
    from ops import mirror as mirroring
    from ops import mirrored

    place = mirrored.mirror(to)
    chosen = _stack(stack)
    done = mirroring.carry_out(
        chosen,
        place,
        user=user,
        password=lambda: _password(f"Password of {user} at {place.host}"),
        authority=ca_file,
        copy_only=copy_only,
        dry_run=dry_run,
    )
    if as_json:
        typer.echo(json.dumps(mirroring.as_json(chosen, done)))
    else:
        mirroring.report(chosen, done)


def _password(asked: str) -> str:
    """A password, typed unseen, or the one line of standard input."""
    if questions.somebody():
        return str(typer.prompt(asked, hide_input=True, err=True))
    lines = sys.stdin.read().splitlines()
    if len(lines) != 1 or not lines[0]:
        raise typer.BadParameter("--user needs a password: one line on standard input")
    return lines[0]


@app.command()
def credentials(stack: StackName = None, as_json: AsJson = False) -> None:
    """Print the server's address and the administrator's user name and password, in plain text."""
    from ops import credentials as login

    found = login.credentials(_stack(stack))
    typer.echo(json.dumps(found) if as_json else "\n".join(f"{key}: {text}" for key, text in found.items()))


@app.command()
def promote(
    source: Annotated[str, typer.Option("--from", help="The stack that has the release")],
    target: Annotated[str, typer.Option("--to", help="The stack that gets it")],
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit code 3 if something would move")
    ] = False,
    yes: Yes = False,
    no_backup: Annotated[
        bool, typer.Option("--no-backup", help="Do not back up --to first when its version moves")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="With --check: print the moves as JSON")] = False,
    from_config_file: Annotated[Path | None, typer.Option(help="--from's stack file")] = None,
    to_config_file: Annotated[Path | None, typer.Option(help="--to's stack file")] = None,
    from_passphrase_file: Annotated[
        Path | None, typer.Option(help="Passphrase file of --from, if it has its own")
    ] = None,
    to_passphrase_file: Annotated[
        Path | None, typer.Option(help="Passphrase file of --to, if it has its own")
    ] = None,
) -> None:
    """Bring a stack's release (chart version, image tags, promoted settings) to another stack, verified."""
    from ops import promote as promotion
    from ops import stack_file

    if source == target:
        raise typer.BadParameter(f"{source} cannot be promoted to itself")
    if as_json and not check:
        raise typer.BadParameter("--json goes with --check")
    file = stack_file.find(target, to_config_file)
    wanted = promotion.plan(
        stack_file.stack(source, stack_file.find(source, from_config_file), from_passphrase_file),
        stack_file.stack(target, file, to_passphrase_file),
        file,
        no_backup=no_backup,
    )
    if check:
        raise typer.Exit(promotion.look(wanted, as_json=as_json))
    promotion.carry_out(wanted, yes=yes)


def _differences(found: bool) -> None:
    """End with exit code 3 where a check has found differences."""
    if found:
        raise typer.Exit(3)


@app.command()
def rotate(
    stack: StackName = None,
    admin: Annotated[bool, typer.Option("--admin", help="Only the administrator's password")] = False,
    database: Annotated[bool, typer.Option("--database", help="Only the database's passwords")] = False,
    store: Annotated[
        bool, typer.Option("--store", help="Only the S3 keys: reads the new id and secret, one per line")
    ] = False,
    yes: Yes = False,
) -> None:
    """Change a stack's credentials while it serves; without options, all that apply."""
    from ops import rotate as changing

    if not yes:
        questions.require_somebody()
    given = {"admin": admin, "database": database, "store": store}
    chosen = {part for part, wanted in given.items() if wanted}
    typed = _typed_keys if questions.somebody() else None
    piped = _piped_keys() if store and not typed else None
    done = changing.rotate(
        _stack(stack),
        chosen,
        typed or (lambda: piped),
        lambda what: yes or typer.confirm(what, err=True),
    )
    if not done:
        raise typer.Abort


def _typed_keys() -> tuple[str, str] | None:
    """The new keys of the store, typed unseen."""
    asked = "New access key id for the store (empty: keep its keys)"
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


@app.command()
def diagnose(stack: StackName = None, as_json: AsJson = False) -> None:
    """Say why a stack does not come up or does not serve: the likeliest cause first, each with its fix."""
    from ops import diagnose as looking

    found = looking.diagnose(_stack(stack))
    if as_json:
        typer.echo(json.dumps(looking.as_json(found)))
    else:
        looking.report(found)
    _differences(bool(found.causes))


def _duration(text: str | None) -> str | None:
    """A duration as housekeeping's setting takes it."""
    from components.settings import durations

    try:
        return text and durations.duration(text)
    except ValueError as error:
        raise typer.BadParameter(f"{error}; accepted: {durations.ACCEPTED}") from error


@app.command()
def backup(
    stack: StackName = None,
    show: Annotated[bool, typer.Option("--list", help="Only list the existing backups")] = False,
    as_json: AsJson = False,
) -> None:
    """Back up both databases and the artifacts now, as the stack's CronJob does; or list the backups."""
    from ops import backup as saving

    found = (saving.listed if show else saving.backup)(_stack(stack))
    if as_json:
        typer.echo(json.dumps(found))
    else:
        (saving.report_list if show else saving.report)(found)


@app.command()
def restore(
    source: Annotated[
        str, typer.Option("--from", help="latest, a backup's name, or s3://BUCKET/.../NAME of another stack")
    ],
    stack: StackName = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Discard what the target has; asks for the stack's name")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing; with --replace needs --confirm")] = False,
    name: Annotated[
        str | None, typer.Option("--confirm", help="The stack's name, to go with --yes --replace")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Restore a backup into a stack that is new or empty."""
    from ops import restore as restoring

    chosen = _stack(stack)
    restoring.ask(chosen.name, source, replace=replace, yes=yes, confirm=name)
    found = restoring.restore(chosen, source, replace=replace)
    if as_json:
        typer.echo(json.dumps(found))
    else:
        restoring.report(chosen, found)


@app.command()
def gc(
    stack: StackName = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would be removed")] = False,
    older_than: Annotated[
        str | None,
        typer.Option(
            callback=_duration, help="How long ago it must have been deleted (default: housekeepingOlderThan)"
        ),
    ] = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Remove for good the runs and experiments that were deleted long ago, with their artifacts."""
    from ops import housekeeping as keeping

    chosen, before = _stack(stack), None
    opened = keeping.opened(chosen)
    if dry_run or not yes:
        found = keeping.look(*opened, older_than)
        if not (dry_run and as_json):
            keeping.report(chosen.name, found, to=err if as_json else out)
        if not dry_run and found["runs"] + found["experiments"]:
            confirm(f"Remove {keeping.count(found)} for good?")
            before = found["before"]
    if before is not None or (yes and not dry_run):
        found = keeping.remove(*opened, older_than, before)
        if not as_json:
            keeping.report(chosen.name, found)
    if as_json:
        typer.echo(json.dumps(found))


def main() -> None:
    """Run the command line; what the person can act on ends as one message and exit code 1."""
    # Asked to end, it ends as on Ctrl-C: in order, and with what it has started. Set even where a shell
    # started it with Ctrl-C ignored: plugins that inherit that outlive `pulumi` by 5 s, at every command.
    for asked in (signal.SIGTERM, signal.SIGINT):
        signal.signal(asked, signal.default_int_handler)
    os.environ.update(proxies.direct(proxies.LOOPBACK))
    try:
        app()
    except (OpsError, StepError) as error:
        err.print(f"[red]error:[/red] {escape(str(error))}")
        sys.exit(1)
    except Exception as error:
        # The client of the cluster takes its time to import, and most commands that fail did without.
        from ops import cluster, kubeconfig

        # Where a variable names a SOCKS proxy httpx ends so, even on its way to loopback.
        socks = isinstance(error, ImportError) and "SOCKS" in str(error)
        if not socks and not isinstance(error, cluster.FAULTS):
            raise
        err.print(f"[red]error:[/red] {escape(kubeconfig.SOCKS if socks else cluster.told(error))}")
        sys.exit(1)


if __name__ == "__main__":
    main()
