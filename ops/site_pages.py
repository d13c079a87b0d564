"""Hooks of the site (mkdocs.yml): the pages that stand beside `docs/` are pages of the site as well.

They are read where they are, not copied: the README is the site's first page. Their links are those of the
repository, and become those of the site.
"""

from __future__ import annotations

import re
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from ops.stack import PROGRAM

PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "CONTRIBUTING.md",
    "SECURITY.md": "SECURITY.md",
    "CHANGELOG.md": "CHANGELOG.md",
    "components/dashboard.json": "components/dashboard.json",
}
"""Where the repository has a page or a file that pages link to, and where the site has it."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """The pages of `docs/`, and those beside it."""
    for source, target in PAGES.items():
        files.append(File.generated(config, target, content=(PROGRAM / source).read_text()))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """A page's text as the site's generator wants it."""
    return opened(linked(markdown))


def linked(markdown: str) -> str:
    """The text with links of the site: `docs/x.md` is `x.md`, `../README.md` is `index.md`."""

    def target(found: re.Match[str]) -> str:
        path = found[1].removeprefix("../").removeprefix("docs/")
        return f"]({PAGES.get(path, path)}"

    return re.sub(r"\]\((?!https?:|#)([^)#\s]+)", target, markdown)


def opened(markdown: str) -> str:
    """The text with Markdown inside `<details>`, which GitHub takes for granted."""
    return markdown.replace("<details>", '<details markdown="1">')
