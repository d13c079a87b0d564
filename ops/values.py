"""Helm values of a stack: those in force, those the stack's settings give, and how they differ.

The runbook's `helm get values` and `helm show values`, and both laid beside what the stack says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from rich.markup import escape
from rich.table import Table

from components.settings import parse
from components.settings.mistakes import WrongSettings
from components.values import values
from ops import chart, cluster, helm_yaml, record
from ops.console import OpsError, out
from ops.differences import ABSENT, Difference, differences
from ops.stack import Stack


@dataclass(frozen=True)
class Row:
    """One value: what the stack's settings give, what Helm has in force, what the chart has by default.

    None where there is none; texts, with what may be secret masked.
    """

    path: str
    stack: str | None
    helm: str | None
    default: str | None
    differs: bool
    """Whether what is in force is not what the stack says."""


def in_force(settings: Mapping[str, str]) -> dict[str, Any]:
    """The values of the release's latest revision (`helm get values`). Raises `OpsError`."""
    namespace, release = settings["namespace"], settings["releaseName"]
    found = record.latest(cluster.connect(settings), namespace, release)
    if found is None:
        raise OpsError(f"Helm knows no release {release} in namespace {namespace}: `pulumi up` installs it")
    return dict(found.values)


def of_settings(settings: Mapping[str, str]) -> dict[str, Any]:
    """The values that a stack's settings give, deployed or not; they hold no secret. Raises `OpsError`."""
    try:
        return values(parse({key: text for key, text in settings.items() if text}))
    except WrongSettings as wrong:
        raise OpsError(str(wrong)) from wrong


def compare(stack: Stack) -> list[Row]:
    """Every value that the stack or Helm sets and that is not the same in all three. Raises `OpsError`."""
    settings = stack.all_settings()
    ours, theirs = of_settings(settings), in_force(settings)
    default = chart.defaults(chart.of(settings, lambda: settings["chartPassword"]))
    return list(rows(ours, theirs, helm_yaml.mapping(default)))


def rows(ours: Mapping[str, Any], theirs: Mapping[str, Any], default: Mapping[str, Any]) -> Iterator[Row]:
    """The rows of three maps of values."""
    for path in sorted({*leaves(ours), *leaves(theirs)}):
        mine, live, usual = (at(tree, path) for tree in (ours, theirs, default))
        differs = any(differences(mine, live))
        if differs or any(differences(mine, usual)):
            expected, found = Difference(path, mine, live).shown()
            usually = Difference(path, usual, usual).shown()[0]
            yield Row(".".join(path), expected, found, usually, differs)


def leaves(tree: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The paths of all values that are no maps; a list is one value, as it is for Helm."""
    if not isinstance(tree, Mapping) or not tree:
        yield path
        return
    for key, item in tree.items():
        yield from leaves(item, (*path, key))


def at(tree: Any, path: tuple[str, ...]) -> Any:
    """The value at a path, or `ABSENT`."""
    for key in path:
        tree = tree.get(key, ABSENT) if isinstance(tree, Mapping) else ABSENT
    return tree


def report(found: list[Row]) -> None:
    """The rows as a table; what is in force against the stack's will is marked."""
    table = Table("", "value", "stack", "in force", "chart's default", box=None, pad_edge=False)
    for row in found:
        cells = (escape(row.path), *(escape(cell or "-") for cell in (row.stack, row.helm, row.default)))
        table.add_row("[red]*[/red]" if row.differs else "", *cells)
    out.print(table)
    wrong = sum(row.differs for row in found)
    out.print(
        f"{wrong} in force that differ from the stack's (*)"
        if wrong
        else "The values in force are the stack's"
    )


def as_json(found: list[Row]) -> list[dict[str, Any]]:
    """The rows as plain data."""
    return [asdict(row) for row in found]
