"""Chromium as a person has it: it passes no certificate error over, and trusts whom it was told to trust."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, Playwright

SIZE = {"width": 1280, "height": 800}
PATIENCE_MS = 60_000


@contextmanager
def chromium(playwright: Playwright, home: Path, authority: Path | None = None) -> Iterator[Browser]:
    """Debian's Chromium, with `home` as its home folder, where NSS keeps the authorities a person trusts."""
    database = home / ".pki" / "nssdb"
    database.mkdir(parents=True)
    _certutil(database, "-N", "--empty-password")
    if authority:
        _certutil(database, "-A", "-n", "mlflow-lab", "-t", "C,,", "-i", str(authority))
    made = playwright.chromium.launch(
        executable_path="/usr/bin/chromium", env={**os.environ, "HOME": str(home)}
    )
    try:
        yield made
    finally:
        made.close()


def _certutil(database: Path, *args: str) -> None:
    subprocess.run(["certutil", "-d", f"sql:{database}", *args], check=True, capture_output=True)


@contextmanager
def page(browser: Browser, url: str, login: tuple[str, str] | None = None) -> Iterator[Page]:
    """A page of a new session, which answers a server that asks for a login."""
    user = {"username": login[0], "password": login[1]} if login else None
    context = browser.new_context(
        base_url=url,
        viewport=SIZE,  # type: ignore[arg-type] # a TypedDict, which is private
        http_credentials=user,  # type: ignore[arg-type]
    )
    context.set_default_timeout(PATIENCE_MS)
    made = context.new_page()
    heard = _heard(made)
    try:
        yield made
    except Exception as error:
        error.add_note("\n".join(["The page:", *heard]))
        raise
    finally:
        context.close()


def _heard(made: Page) -> list[str]:
    """What a page complains of, from now on: its visitor reads no more than that something went wrong."""
    heard: list[str] = []
    made.on("pageerror", lambda error: heard.append(f"error {error.message}: {error.stack}"))
    made.on(
        "console", lambda said: heard.append(f"{said.type} {said.text}") if said.type == "error" else None
    )
    made.on("requestfailed", lambda asked: heard.append(f"{asked.method} {asked.url}: {asked.failure}"))
    made.on(
        "response",
        lambda answer: heard.append(f"{answer.status} {answer.url}") if answer.status >= 400 else None,
    )
    return heard
