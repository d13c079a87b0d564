"""`docs/serving.md`: what was measured in this run takes the place of what stood there."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from pathlib import Path

from bench import authentication, ingress, patience, replicas
from bench.figures import Name, Reading
from ops.console import err
from ops.stack import PROGRAM

PAGE = PROGRAM / "docs" / "serving.md"

SECTIONS: dict[str, tuple[Set[Name], Callable[[], str]]] = {
    "authentication": ({Name.AUTHENTICATION, Name.SERVING}, authentication.section),
    "ingress": ({Name.INGRESS, Name.MANY}, ingress.section),
    "big": ({Name.BIG}, ingress.section_of_artifacts),
    "replicas": ({Name.ROLL}, replicas.section),
    "slow": ({Name.SLOW}, patience.section),
}
"""Each part of the page: the figures that it is of, and its Markdown."""


def marks(section: str) -> tuple[str, str]:
    """What stands around a section in the page."""
    return f"<!-- {section}:start -->", f"<!-- {section}:end -->"


def write(readings: Sequence[Reading], page: Path = PAGE) -> None:
    """Write what was measured into the page; the rest of it stays, and so does a part whose figure failed."""
    text = page.read_text()
    for name, (figures, section) in SECTIONS.items():
        values = [reading.value for reading in readings if reading.name in figures]
        if None in values:
            err.print(
                f"[yellow]{page.name}: the part {name} stays as it was: its measurement failed[/yellow]"
            )
        elif values:
            text = put(text, name, section())
    page.write_text(text)


def put(text: str, name: str, section: str) -> str:
    """The page's text with one section new."""
    start, end = marks(name)
    before, _, rest = text.partition(start)
    return f"{before}{start}\n\n{section}\n\n{end}{rest.partition(end)[2]}"
