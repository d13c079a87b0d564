"""`docs/serving.md`: what was measured in this run takes the place of what stood there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from bench import authentication, ingress, patience, replicas
from ops.stack import PROGRAM

PAGE = PROGRAM / "docs" / "serving.md"

SECTIONS: dict[str, tuple[Callable[[], bool], Callable[[], str]]] = {
    "authentication": (lambda: _known(authentication.measured), authentication.section),
    "ingress": (lambda: _known(ingress.ways), ingress.section),
    "big": (lambda: _known(ingress.artifacts), ingress.section_of_artifacts),
    "replicas": (lambda: _known(replicas.measured), replicas.section),
    "slow": (lambda: _known(patience.measured), patience.section),
}
"""Each part of the page: whether it was measured, and its Markdown."""


def _known(measured: object) -> bool:
    """Whether something cached was measured in this process."""
    return bool(measured.cache_info().currsize)  # type: ignore[attr-defined]


def marks(section: str) -> tuple[str, str]:
    """What stands around a section in the page."""
    return f"<!-- {section}:start -->", f"<!-- {section}:end -->"


def write(page: Path = PAGE) -> None:
    """Write what was measured into the page, and leave the rest of it."""
    text = page.read_text()
    for name, (known, section) in SECTIONS.items():
        if known():
            text = put(text, name, section())
    page.write_text(text)


def put(text: str, name: str, section: str) -> str:
    """The page's text with one section new."""
    start, end = marks(name)
    before, _, rest = text.partition(start)
    return f"{before}{start}\n\n{section}\n\n{end}{rest.partition(end)[2]}"
