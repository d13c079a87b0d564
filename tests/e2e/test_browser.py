"""In a browser: who has the stack's login sees what was logged, over HTTPS that it verified itself."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, Page, Playwright, expect, sync_playwright

from lab.cluster import trust
from ops import verify
from tests.e2e.browsing import PATIENCE_MS, chromium, page
from tests.e2e.deployment import Deployment
from tests.e2e.published import Published, published

# Chromium drops what it is loading whenever an address of its machine comes or goes, as with each pod.
pytestmark = pytest.mark.alone
LARGEST, BLANK = 200_000, 10_000
"""Bytes: what a picture of the README may have, and what one of an empty page stays below."""


@pytest.fixture(scope="module")
def site(deployment: Deployment) -> Iterator[Published]:
    """The deployment behind its host's name."""
    with published(deployment) as made:
        yield made


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """What drives browsers, with as much time for what shall show as for all else."""
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as made:
        yield made


@pytest.fixture(scope="module")
def browser(playwright: Playwright, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One that trusts the lab's authority."""
    with chromium(playwright, tmp_path_factory.mktemp("home"), trust.certificate()) as made:
        yield made


@pytest.fixture
def taken(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Page, str], None]:
    """Takes a picture, which shows something and is small."""
    folder = request.config.getoption("--screenshots") or tmp_path

    def take(shown: Page, name: str) -> None:
        picture = shown.screenshot(path=folder / f"{name}.png", animations="disabled", caret="hide")
        assert BLANK < len(picture) < LARGEST, f"{name}: {len(picture)} bytes"

    return take


@pytest.mark.parametrize("password", [None, "wrong-password"])
def test_who_has_no_login_stays_out(site: Published, browser: Browser, password: str | None) -> None:
    login = (site.user, password) if password else None
    with page(browser, site.url, login) as shown:
        answers: list[int] = []
        shown.on("response", lambda answer: answers.append(answer.status))
        # Nobody is there to be asked, so Chromium may end the visit with an error.
        with contextlib.suppress(Error):
            shown.goto("/")
        assert set(answers) == {401}


def test_a_browser_that_does_not_know_the_authority_refuses_the_server(
    site: Published, playwright: Playwright, tmp_path: Path
) -> None:
    """So what the others see is verified."""
    with (
        chromium(playwright, tmp_path) as stranger,
        page(stranger, site.url, site.login) as shown,
        pytest.raises(Error, match="ERR_CERT_AUTHORITY_INVALID"),
    ):
        shown.goto("/")


def test_an_empty_page_would_be_noticed(browser: Browser) -> None:
    with page(browser, "about:blank") as shown:
        assert len(shown.screenshot()) < BLANK


def test_the_run_that_verify_made_is_there_to_see(
    site: Published, browser: Browser, taken: Callable[[Page, str], None]
) -> None:
    """From the list of experiments by clicks: the run, its numbers, the chart of its metric, its artifact."""
    with page(browser, f"http{site.url.removeprefix('https')}", site.login) as shown:
        shown.goto("/")
        assert shown.url.startswith(site.url), "HTTP leads to HTTPS"
        named = shown.locator("a", has_text=re.compile(f"^{verify.EXPERIMENT}$"))
        expect(named.first).to_be_visible()
        taken(shown, "experiments")
        named.first.click()
        run = shown.locator("a[href*='/runs/']", has_text=re.compile(f"^{verify.EXPERIMENT}$")).first
        expect(run).to_be_visible()
        taken(shown, "runs")
        run.click()
        parameter = shown.get_by_text("baseline", exact=True)
        expect(parameter).to_be_visible()
        parameter.scroll_into_view_if_needed()
        taken(shown, "run")
        shown.get_by_role("tab", name=re.compile("Model metrics")).click()
        expect(shown.locator(".js-plotly-plot .scatterlayer .trace").first).to_be_visible()
        taken(shown, "metrics")
        shown.get_by_role("tab", name=re.compile("Artifacts")).click()
        artifact = shown.get_by_text(verify.ARTIFACT, exact=True).first
        expect(artifact).to_be_visible()
        artifact.click()
        expect(shown.get_by_text("1MB").first).to_be_visible()
        taken(shown, "artifacts")
