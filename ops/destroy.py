"""Destroys a stack, after it has said what is lost and was told the stack's name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict

import typer
from rich.markup import escape

from components import names
from ops.console import OpsError, err, out
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
        out.print(json.dumps(asdict(losses) if losses else None), markup=False)
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
            ask(f"unprotect {name}", f"It is protected. Type `unprotect {name}` to destroy it all the same")
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
    width = max(len(which) for _, which, _ in rows)
    for what, which, fate in rows:
        colour = "green" if "stay" in fate or "keeps" in fate else "red"
        err.print(f"  {what:<10} {escape(which):<{width}}  [{colour}]{fate}[/{colour}]")
    err.print()


def told(losses: Losses) -> Iterator[tuple[str, str, str]]:
    """What, which and what becomes of it, one row each."""
    made = "is uninstalled" if losses.release_goes else "stays, if there is one: this stack has made none"
    yield "release", losses.release, made
    goes = "is deleted, with all that is in it"
    yield "namespace", losses.namespace, goes if losses.namespace_goes else "stays: others made it"
    for claim in losses.claims:
        size = " ".join(filter(None, (claim.size, claim.storage_class)))
        yield "claim", f"{claim.name} ({size})", claim.fate
    known = losses.runs is not None
    runs = f"{losses.runs} in {losses.experiments} experiments" if known else "how many, no server says"
    own = losses.on(f"data-{names.database(losses.release)}-0")
    yield "runs", f"{runs}; users", f"stay in the database at {losses.database}" if losses.database else own
    yield "passwords", "login, database", "are deleted; `pulumi up` makes new ones"
    if losses.artifacts:
        volume = losses.artifacts.startswith("/")
        fate = losses.on(names.tracking(losses.release)) if volume else "stay"
        yield "artifacts", losses.artifacts, fate


def refusal(losses: Losses) -> str:
    """Why a protected stack is not destroyed, and how it would be."""
    name = losses.stack
    return (
        f"stack {name} is protected ({', '.join(losses.protected)}): nothing was changed. To destroy it all "
        f"the same: `python -m ops destroy --stack {name} --unprotect`, which asks twice. To take the "
        f"protection off: `pulumi config set production false --stack {name}`, `pulumi up --stack {name}`"
    )


def aftermath(losses: Losses) -> Iterator[str]:
    """What is left, and what can be done with it."""
    yield f"Stack {losses.stack} is destroyed."
    kept = [claim.name for claim in losses.claims if not claim.goes]
    if kept:
        yield f"  stayed    {', '.join(kept)} in namespace {losses.namespace}: `pulumi up` takes them again"
    released = [claim.volume for claim in losses.claims if claim.goes and claim.policy == "Retain"]
    if released:
        yield f"  released  {', '.join(released)}: docs/configuration.md tells how a stack takes them again"
    yield f"  settings  `pulumi stack rm {losses.stack}` removes the stack itself"
