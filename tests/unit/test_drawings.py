"""The drawings of the documentation are those of their texts, and say in words what they show."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from ops import drawings
from ops.stack import PROGRAM

TEXTS = sorted(drawings.FOLDER.glob("*.dot"))


def test_each_is_drawn_from_its_text() -> None:
    assert TEXTS
    assert drawings.outdated() == [], "make drawings"


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text.stem)
def test_a_drawing_shows_what_its_text_names(text: Path) -> None:
    svg = text.with_suffix(".svg")
    shown = {element.text for element in ElementTree.parse(svg).iter() if element.tag.endswith("}text")}
    labels = re.findall(r'label=" ?([^"]+)"', text.read_text())
    assert {line.strip() for label in labels for line in label.split("\\n")} <= {
        (line or "").strip() for line in shown
    }


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text.stem)
def test_a_page_shows_it_with_words_for_it(text: Path) -> None:
    pages = "".join(page.read_text() for page in (PROGRAM / "docs").glob("*.md"))
    assert re.search(rf"!\[[^\]]{{40,}}\]\(drawings/{text.stem}\.svg\)", pages)


def test_a_changed_text_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawings, "FOLDER", tmp_path)
    text = tmp_path / "new.dot"
    text.write_text("digraph { a }")
    assert drawings.outdated() == [text]
    (tmp_path / "new.svg").write_text(
        f"<!-- drawn from text with SHA-256 {drawings.digest(text)} -->\n<svg/>"
    )
    assert drawings.outdated() == []
    text.write_text("digraph { b }")
    assert drawings.outdated() == [text]


def test_without_graphviz_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")
    assert drawings.main() == 1
    assert "apt-get install graphviz" in capsys.readouterr().err
