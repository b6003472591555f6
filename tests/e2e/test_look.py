"""Every kind of page, at three widths, in both themes and both directions: nothing sticks out, and axe is content.

The pictures are kept in `screenshots/` of the data directory when MICROBLOG_SCREENSHOTS is set, for people to look at.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from app.config import ROOT
from tests.e2e.conftest import PASSWORD

pytestmark = pytest.mark.e2e

WIDTHS = (390, 768, 1280)
PAGES = {
    "home": "/",
    "explore": "/explore",
    "profile": "/user/ben",
    "inbox": "/messages",
    "conversation": "/messages/ben",
    "settings": "/edit_profile",
    "security": "/auth/security",
    "tasks": "/tasks",
    "search": "/search?q=a",
    "error": "/nothing-here",
}
VISITOR_PAGES = {"login": "/auth/login", "register": "/auth/register", "reset": "/auth/reset_password_request"}
# theme and direction: what a member sets, not what a test patches
LOOKS = {"light-ltr": ("light", "en"), "dark-ltr": ("dark", "es"), "light-rtl": ("light", "ar"), "dark-rtl": ("dark", "ar")}


@pytest.fixture(scope="module")
def community(site):
    """The people of `make demo`, made beside the running site."""
    subprocess.run([sys.executable, "-m", "app.run", "demo"], cwd=ROOT, env={**os.environ, **site.env}, check=True)
    return site


@pytest.fixture(scope="module")
def ana(community, browser):
    """Somebody of the community, logged in."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{community.url}/auth/login")
    page.fill("[name=username]", "ana")
    page.fill("[name=password]", community.demo_password)
    page.click("main [type=submit]")
    yield page
    context.close()


def examine(page: Page, name: str) -> None:
    """Nothing wider than the window, nothing serious for axe; a picture for people."""
    folder = os.environ.get("MICROBLOG_SCREENSHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=f"{folder}/{name}.png")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} is wider than the window"
    serious = [
        f"{fault['id']}: {fault['nodes'][0]['html'][:160]}"
        for fault in Axe().run(page).response["violations"]
        if fault["impact"] in {"serious", "critical"}
    ]
    assert not serious, f"{name}: {serious}"


@pytest.mark.parametrize("look", LOOKS)
def test_the_pages_of_a_member(ana, community, look):
    theme, language = LOOKS[look]
    ana.goto(f"{community.url}/edit_profile")
    ana.select_option("[name=language]", language)
    ana.check(f"[name=theme][value={theme}]") if ana.locator("[name=theme][type=radio]").count() else ana.select_option(
        "[name=theme]", theme
    )
    ana.click("main form [type=submit]")
    for width in WIDTHS:
        ana.set_viewport_size({"width": width, "height": 900})
        for name, path in PAGES.items():
            ana.goto(community.url + path)
            ana.wait_for_timeout(150)
            examine(ana, f"{name}-{look}-{width}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_of_a_visitor(browser, community, scheme):
    for language in ("en", "ar"):
        context = browser.new_context(color_scheme=scheme, locale=language)
        page = context.new_page()
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            for name, path in VISITOR_PAGES.items():
                page.goto(community.url + path)
                examine(page, f"{name}-{scheme}-{language}-{width}")
            page.goto(community.mail_url)
            examine(page, f"mail-{scheme}-{language}-{width}")
        context.close()
