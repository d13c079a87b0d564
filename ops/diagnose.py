"""`make diagnose`: why a stack does not come up or does not serve, as one ranked cause with its fix."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from typing import Any

from rich.markup import escape

from ops import causes, cluster, gathering
from ops.causes import Cause, Settings
from ops.causes_engine import latest
from ops.console import OpsError, err, step
from ops.redact import redact
from ops.release_pods import pods, ready
from ops.snapshot import Answer, Snapshot
from ops.stack import Stack


@dataclass(frozen=True)
class Diagnosis:
    """What was found, the likeliest first, and what was looked at."""

    stack: str
    namespace: str
    causes: tuple[Cause, ...]
    works: tuple[str, ...]
    """What was seen to be well."""
    denied: tuple[str, ...]
    """What this person may not read."""


def diagnose(stack: Stack, engine: str = "") -> Diagnosis:
    """Look at everything once. `engine` is what `pulumi` said when it failed, where somebody knows.

    Raises `OpsError` where the stack itself cannot be read.
    """
    settings = stack.config()
    namespace, release = settings.get("namespace", ""), settings.get("releaseName", "")
    with ThreadPoolExecutor() as side_by_side:
        busy = side_by_side.submit(gathering.working, stack)
        state = side_by_side.submit(gathering.kept_errors, stack)
        failed = side_by_side.submit(gathering.failed, stack)
        try:
            snapshot = gathering.seen(cluster.connect(settings), namespace, release, settings)
        except OpsError as error:
            return _unreachable(stack, settings, str(error))
        text = redact(engine or state.result())
        snapshot = replace(
            snapshot, working=busy.result(), forward=gathering.forward_taken(stack), engine=text
        )
    found = causes.of(snapshot, settings)
    unexplained = not any(cause.certain and cause.blocks for cause in found)
    if unexplained and not snapshot.working and (failed.result() or latest(snapshot) is None):
        found = causes.of(replace(snapshot, engine=f"{text}\n{redact(gathering.previewed(stack))}"), settings)
    return Diagnosis(stack.name, namespace, tuple(found), tuple(_works(snapshot)), snapshot.denied)


def _unreachable(stack: Stack, settings: Settings, said: str) -> Diagnosis:
    context = settings.get("context", "")
    cause = Cause(
        "cluster-unreachable",
        3,
        f"The cluster of context {context!r} cannot be read.",
        "kubectl config get-contexts -o name\nexport KUBECONFIG=FILE, or: pulumi config set context NAME",
        causes.shortened(redact(said)),
    )
    return Diagnosis(stack.name, settings.get("namespace", ""), (cause,), (), ())


def _works(snapshot: Snapshot) -> Iterable[str]:
    wanted = pods(snapshot)
    if wanted:
        yield f"{sum(map(ready, wanted))} of {len(wanted)} pods ready"
    claims = snapshot.all("claims")
    if claims:
        bound = sum(one.get("status", {}).get("phase") == "Bound" for one in claims)
        yield f"{bound} of {len(claims)} volumes bound"
    names = {"database": "the database answers", "store": "the artifact store answers"}
    yield from (text for which, text in names.items() if _well(snapshot.answers, which))


def _well(answers: Mapping[str, Answer], which: str) -> bool:
    return which in answers and not answers[which].code


def report(found: Diagnosis) -> None:
    """The first cause and its fix; the others below it, less prominent."""
    show(found.causes)
    well = ", ".join(found.works)
    if not found.causes:
        err.print(f"[green]Nothing wrong found[/green] in stack {found.stack}{f': {well}' if well else ''}")
    elif well:
        err.print(f"[dim]ok: {well}[/dim]")
    if found.denied:
        err.print(f"[dim]not allowed to read: {', '.join(found.denied)}[/dim]")


def show(found: Iterable[Cause]) -> None:
    """Print causes on standard error, the first one large."""
    for number, cause in enumerate(found):
        first = number == 0
        err.print(f"{'[red]✗[/red] [bold]' if first else '[dim]  also: '}{escape(cause.what)}[/]")
        if cause.evidence:
            err.print(f"[dim]    seen  {escape(cause.evidence)}[/dim]")
        for line in cause.fix.splitlines():
            err.print(f"{'' if first else '[dim]'}    fix   {escape(line)}{'' if first else '[/dim]'}")


def as_json(found: Diagnosis) -> dict[str, Any]:
    """The diagnosis as plain data."""
    shown = ("name", "what", "fix", "evidence", "certain")
    listed = [{key: asdict(cause)[key] for key in shown} for cause in found.causes]
    return {**asdict(found), "causes": listed}


def explained(stack: Stack, engine: str = "") -> None:
    """After a failure: print what a diagnosis finds; that none can be made is no second failure."""
    try:
        with step("Looking for the cause"):
            found = diagnose(stack, engine)
    except OpsError as error:
        err.print(f"[dim]no diagnosis: {escape(str(error))}[/dim]")
        return
    report(found)
