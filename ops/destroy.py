"""Destroys a stack, after it has said what is lost and was told the stack's name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict

import typer
from rich.markup import escape

from components import names
from ops.console import OpsError, err
from ops.losses import Losses, look
from ops.stack import Stack


def destroy(stack: Stack, *, yes: bool, confirm: str | None, unprotect: bool, as_json: bool) -> None:
    """Look, say, ask, destroy; with `as_json` look and say only. Raises `OpsError`, `typer.BadParameter`."""
    name = stack.name.rsplit("/", 1)[-1]
    if yes != (confirm is not None):
        raise typer.BadParameter(f"--yes and --confirm go together: --yes --confirm {name}")
    if confirm is not None and confirm != name:
        raise typer.BadParameter(f"--confirm {confirm} is not the stack's name, {name}: nothing was changed")
    losses = look(stack)
    if as_json:
        typer.echo(json.dumps(asdict(losses) if losses else None))
        return
    if losses is None:
        err.print(f"Stack {name} has nothing to destroy")
        return
    show(losses)
    if losses.protected and not unprotect:
        raise OpsError(refusal(losses))
    if not yes:
        ask(name, f"Type the stack's name ({name}) to destroy it")
        if losses.protected:
            ask(f"unprotect {name}", f"It is protected. Type `unprotect {name}` to destroy it anyway")
    # Protection is ignored and not taken off: where the destroying stops half-way, the rest still has it.
    ignored = ["--ignore-protect"] if losses.protected else []
    stack.run("destroy", "--yes", "--skip-preview", *ignored)
    err.print("\n".join(aftermath(losses)), markup=False)


def ask(wanted: str, question: str) -> None:
    """Ask, and go on where the answer is the wanted one. Raises `OpsError`."""
    given = typer.prompt(question, err=True, default="", show_default=False).strip()
    if given != wanted:
        raise OpsError(f"the answer was not {wanted!r}: nothing was changed")


def show(losses: Losses) -> None:
    """Say what is lost and what stays."""
    err.print(f"[bold]Destroying stack {losses.stack}[/bold], in context {escape(losses.context)}\n")
    rows = list(told(losses))
    width = max(len(which) for _, which, _, _ in rows)
    for what, which, fate, kept in rows:
        colour = "green" if kept else "red"
        err.print(f"  {what:<10} {escape(which):<{width}}  [{colour}]{fate}[/{colour}]")
    err.print()


def told(losses: Losses) -> Iterator[tuple[str, str, str, bool]]:
    """What, which, what becomes of it and whether it is kept, one row each."""
    made = "is uninstalled" if losses.release_goes else "stays, if there is one: this stack did not create it"
    yield "release", losses.release, made, not losses.release_goes
    goes = "is deleted, with everything in it"
    fate = goes if losses.namespace_goes else "stays: others created it"
    yield "namespace", losses.namespace, fate, not losses.namespace_goes
    for claim in losses.claims:
        size = " ".join(filter(None, (claim.size, claim.storage_class)))
        yield "claim", f"{claim.name} ({size})", claim.fate, claim.kept
    known = losses.runs is not None
    runs = (
        f"{losses.runs} in {losses.experiments} experiments"
        if known
        else "unknown number (no server answers)"
    )
    own = losses.on(f"data-{names.database(losses.release)}-0")
    where = (f"stay in the database at {losses.database}", True) if losses.database else own
    yield "runs", f"{runs}; users", *where
    yield "passwords", "login, database", "are deleted; `pulumi up` creates new ones", False
    if losses.artifacts:
        volume = losses.artifacts.startswith("/")
        yield (
            "artifacts",
            losses.artifacts,
            *(losses.on(names.tracking(losses.release)) if volume else ("stay", True)),
        )


def refusal(losses: Losses) -> str:
    """Why a protected stack is not destroyed, and how it would be."""
    name = losses.stack
    return (
        f"stack {name} is protected ({', '.join(losses.protected)}): nothing was changed. To destroy it "
        f"anyway: `python -m ops destroy --stack {name} --unprotect`, which asks twice. To remove the "
        f"protection: `pulumi config set production false --stack {name}`, `pulumi up --stack {name}`"
    )


def aftermath(losses: Losses) -> Iterator[str]:
    """What is left, and what can be done with it."""
    yield f"Stack {losses.stack} is destroyed."
    kept = [claim.name for claim in losses.claims if not claim.goes]
    if kept:
        yield f"  stayed    {', '.join(kept)} in namespace {losses.namespace}: `pulumi up` uses them again"
    released = [claim.volume for claim in losses.claims if claim.goes and claim.policy == "Retain"]
    if released:
        yield f"  released  {', '.join(released)}: docs/configuration.md says how a stack can use them again"
    yield f"  settings  `pulumi stack rm {losses.stack}` removes the stack itself"
