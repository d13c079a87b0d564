"""What the cluster has against what the stack says: settings, Helm's record, objects, pods, certificates.

`pulumi refresh` and `pulumi preview` see the release's latest values and version alone: an object that
somebody edited or deleted inside the release is invisible to both (pulumi/pulumi-kubernetes#2672).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict

from rich.console import Console
from rich.markup import escape

from ops.console import out
from ops.finding import Finding as Finding
from ops.site import opened
from ops.stack import Stack
from ops.survey import survey


def look(stack: Stack, config: Mapping[str, str] | None = None) -> list[Finding]:
    """Everything that is not as the stack says; empty without drift. Changes nothing.

    `config` are its plain settings, where they are known already. Raises `OpsError` where the stack was never
    up, is worked on or stuck, or its cluster is out of reach.
    """
    with opened(stack, config) as site:
        return survey(site).findings


def report(stack: str, found: Iterable[Finding], done: Iterable[str] = (), to: Console = out) -> None:
    """Say what was put back and what differs, with the commands that mend it."""
    for what in done:
        to.print(f"[green]put back[/green] {escape(what)}")
    fixes: dict[str, None] = {}
    for each in found:
        fixes[each.fix] = None
        found_now, wanted = each.found or "nothing", each.expected or "nothing"
        to.print(f"[yellow]{each.kind:<12}[/yellow]{escape(each.what)}")
        to.print(f"{'':<12}[dim]expected[/dim] {escape(wanted)}")
        to.print(f"{'':<12}[dim]found   [/dim] {escape(found_now)}")
    for fix in fixes:
        to.print(f"fix: {escape(fix)}")
    if not fixes:
        to.print(f"No drift: stack {stack} is as it was deployed")


def as_json(stack: str, found: Iterable[Finding], done: Iterable[str] = ()) -> dict[str, object]:
    """The same as plain data."""
    return {"stack": stack, "drift": [asdict(each) for each in found], "put_back": list(done)}
