"""What the site of the documentation is made of; that it is built whole, `tests/e2e/test_site.py` shows."""

from __future__ import annotations

import re

from ruamel.yaml import YAML

from ops.site_pages import PAGES, linked, opened
from ops.stack import PROGRAM
from tests.unit.test_readme import PAGES as ALL

DOCS = PROGRAM / "docs"


def test_links_that_lead_out_are_encrypted() -> None:
    for page in ALL:
        for host in re.findall(r"\]\(http://([^/)\s]+)", page.read_text()):
            assert host.startswith(("localhost", "127.0.0.1")), f"{page.name}: {host}"


def test_make_site_lets_no_warning_pass() -> None:
    makefile = (PROGRAM / "Makefile").read_text()
    assert "-m mkdocs build\n" in makefile.replace("$(RUN) ", "-m ")


def test_the_generator_is_strict_about_every_kind_of_link() -> None:
    text = (PROGRAM / "mkdocs.yml").read_text()
    settings = YAML(typ="safe").load(re.sub(r"!!python\S+ ", "", text))
    assert settings["strict"] is True
    assert {*settings["validation"].values()} == {"warn"}
    assert len(settings["validation"]) == 4


def test_links_of_the_repository_become_those_of_the_site() -> None:
    text = "[a](docs/ci.md) [b](../README.md#log-in) [c](#here) [d](https://example.com/docs/x.md)"
    assert linked(text) == "[a](ci.md) [b](index.md#log-in) [c](#here) [d](https://example.com/docs/x.md)"
    assert (
        linked("![a](drawings/lab.svg) [b](CONTRIBUTING.md)") == "![a](drawings/lab.svg) [b](CONTRIBUTING.md)"
    )
    assert opened("<details>\n") == '<details markdown="1">\n'


def test_what_a_page_links_to_is_on_the_site() -> None:
    """Pages, pictures and the files of `PAGES`; the site's own build takes too long to be told late."""
    there = {*PAGES, *PAGES.values(), *(str(path.relative_to(DOCS)) for path in DOCS.rglob("*"))}
    for page in ALL:
        for target in re.findall(r"\]\((?!https?:|#)([^)#\s]+)", linked(page.read_text())):
            assert target in there, f"{page.name}: {target}"


def test_every_page_has_its_place_in_the_navigation() -> None:
    _, _, places = (PROGRAM / "mkdocs.yml").read_text().partition("nav:\n")
    listed = {line.rpartition(": ")[2] for line in places.splitlines()}
    assert listed == {PAGES.get(page.name, page.name) for page in ALL}
