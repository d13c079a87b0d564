"""The documentation as a site: built as `make site` builds it, searched, and no link leads nowhere."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ops.site_pages import PAGES
from ops.stack import PROGRAM
from tests.unit.test_readme import PAGES as ALL


def build(config: Path, out: Path) -> subprocess.CompletedProcess[str]:
    """The generator, as `make site` runs it: not `--quiet`, which lets dead links pass (MkDocs 1.6)."""
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "-f", config, "-d", out],
        cwd=PROGRAM,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site; any warning of the generator fails."""
    out = tmp_path_factory.mktemp("site")
    done = build(PROGRAM / "mkdocs.yml", out)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return out


def searched(site: Path) -> list[dict[str, str]]:
    """What the search knows: a place and a text for each heading."""
    found = json.loads((site / "search" / "search_index.json").read_text())
    return list(found["docs"])


def test_it_has_every_page(site: Path) -> None:
    for page in ALL:
        name = PAGES.get(page.name, page.name).removesuffix(".md")
        assert (site / f"{name}.html").exists(), page


def test_the_search_finds_what_stands_in_every_page(site: Path) -> None:
    pages = {entry["location"].partition("#")[0] for entry in searched(site)}
    assert {PAGES.get(page.name, page.name).replace(".md", ".html") for page in ALL} <= {
        name or "index.html" for name in pages
    }
    assert any("fastAuthentication" in entry["text"] for entry in searched(site))


def test_the_tables_inside_details_are_tables(site: Path) -> None:
    text = (site / "index.html").read_text()
    assert "<td><code>trackingWorkers</code></td>" in text
    assert "| `trackingWorkers` |" not in text


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    """Scripts, styles, pictures and fonts are the site's own; links for people may lead out."""
    for page in site.rglob("*.html"):
        fetched = re.findall(
            r'<(?:script|img|link)[^>]+?(?:src|href)="?(https?://[^"\s>]+)', page.read_text()
        )
        assert fetched == [], page.name


def test_a_dead_link_fails_the_build(tmp_path: Path) -> None:
    dead = ("nowhere.md", "index.md#nowhere", "/absolute", "folder/")
    pages = tmp_path / "docs"
    pages.mkdir()
    (pages / "index.md").write_text("# Start\n\n" + "".join(f"[a link]({link})\n" for link in dead))
    settings = (PROGRAM / "mkdocs.yml").read_text().partition("nav:\n")[0]
    config = tmp_path / "mkdocs.yml"
    config.write_text(settings.replace("hooks: [ops/site_pages.py]\n", ""))
    done = build(config, tmp_path / "site")
    assert done.returncode == 1
    assert [link for link in dead if f"'{link}'" not in done.stderr] == []
