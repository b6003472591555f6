"""A browser and a fake site for the tests of the scripts. Skipped where Playwright or Chromium is missing."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator

import pytest

sync_api = pytest.importorskip("playwright.sync_api")

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright  # noqa: E402 - only after importorskip

from .fake_site import FakeSite  # noqa: E402 - as above

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One headless Chromium for all tests here; each test has a context, as a person has a browser, of its own."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def site() -> Iterator[FakeSite]:
    """A fake site of this test."""
    site = FakeSite()
    yield site
    site.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """One person's browser."""
    context = browser.new_context()
    context.set_default_timeout(30_000)  # a busy machine must not fail a test
    yield context
    context.close()


@pytest.fixture
def open_tab(context: BrowserContext, site: FakeSite) -> Iterator[Callable[..., Page]]:
    """Open a tab of the site; an error in a script fails the test."""
    errors: list[str] = []

    def open_tab(path: str = "/") -> Page:
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(site.url + path)
        return page

    yield open_tab
    assert errors == []


def hide(page: Page, hidden: bool = True) -> None:
    """Make the page believe that its tab went to the back, or came to the front (headless tabs are always shown)."""
    page.evaluate(
        """hidden => {
            Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
            document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )


def until(condition: Callable[[], object], page: Page, seconds: float = 30) -> None:
    """Wait until the condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        page.wait_for_timeout(50)
