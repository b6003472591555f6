"""Every kind of page, at three widths, in both themes and both directions: nothing sticks out, and axe is content.

Set MICROBLOG_SCREENSHOTS to a folder to have the pictures kept for people to look at.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from app.cli.demo import LOGIN, PASSWORD
from app.config import ROOT
from tests.e2e.conftest import Person, Site, running_site
from tests.support.ports import wait_for

pytestmark = pytest.mark.e2e

PHONE, TABLET, DESK = 390, 768, 1280
PAGES = {
    "home": "/",
    "explore": "/explore",
    "profile": "/user/ben",
    "people": "/user/ben/followers",
    "lists": "/lists",
    "tag": "/tag/pan",
    "inbox": "/messages",
    "requests": "/messages/requests",
    "search of messages": "/messages/search?q=a",
    "writing": "/messages/write",
    "conversation": "/messages/ben",
    "activity": "/activity",
    "held back": "/activity/held",
    "settings": "/edit_profile",
    "notifications": "/notification_settings",
    "security": "/auth/security",
    "privacy": "/privacy",
    "leaving": "/auth/delete_account",
    "tasks": "/tasks",
    "search": "/search?q=a",
    "reports": "/moderation",
    "log": "/moderation/log",
}
VISITOR_PAGES = {"login": "/auth/login", "register": "/auth/register", "reset": "/auth/reset_password_request"}
# What a member sets, not what a test patches. axe reads colours and structure, which change with theme and direction;
# it takes as long as all the rest, so each look has it at one width.
LOOKS = {
    "light-en": ("light", "en", DESK),
    "dark-es": ("dark", "es", PHONE),
    "light-ar": ("light", "ar", PHONE),
    "dark-ar": ("dark", "ar", TABLET),
}
SERIOUS = {"serious", "critical"}


@pytest.fixture(scope="module")
def community(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The people of `make demo`, made beside a running site of their own: other tests use their names, and count."""
    with running_site(tmp_path_factory.mktemp("community")) as site:
        demo = [sys.executable, "-m", "app.run", "demo"]
        subprocess.run(demo, cwd=ROOT, env=site.env, check=True, capture_output=True)
        yield site


@pytest.fixture(scope="module")
def member(community: Site, browser: Browser) -> Iterator[Person]:
    """The one of the community that visitors of a demo log in as."""
    context = browser.new_context()
    somebody = Person(LOGIN, community, context)
    somebody.log_in(PASSWORD)
    yield somebody
    context.close()


@pytest.fixture(scope="module")
def pages(community: Site, browser: Browser, member: Person) -> dict[str, str]:
    """All of them; what has a number in its address is looked up. One of the members has reported another."""
    reporter = Person("ben", community, browser.new_context())
    reporter.log_in(PASSWORD)
    report = _link(reporter, "/messages/wei", "/report/")
    reporter.goto(report)
    for message in reporter.page.locator("[name=message]").all():
        message.check()
    reporter.submit("main form", note="He asked three times.")
    expect(reporter.page.locator("[name=message]")).to_have_count(0)
    reporter.context.close()
    judged = _link(member, "/moderation", "/moderation/1")
    member.goto(judged)
    member.page.locator("form[action$='/look'] [type=submit]").click()
    group = _link(member, "/messages", "/messages/thread/")
    own_report = _link(member, "/messages/ben", "/report/")
    return {**PAGES, "group": group, "people of a group": f"{group}/people", "reporting": own_report, "report": judged}


def _link(person: Person, page: str, to: str) -> str:
    """Where the first link of that page leads that begins so."""
    person.goto(page)
    path = person.page.locator(f"main a[href^='{to}']").first.get_attribute("href")
    assert path
    return path


def examine(page: Page, name: str, *, with_axe: bool) -> None:
    """Nothing is wider than the window and nothing serious for axe; a picture for people."""
    if folder := os.environ.get("MICROBLOG_SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=f"{folder}/{name}.png")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} is wider than the window"
    if with_axe:
        faults = [fault for fault in Axe().run(page).response["violations"] if fault["impact"] in SERIOUS]
        found = [f"{fault['id']}: {node['html'][:200]}" for fault in faults for node in fault["nodes"][:3]]
        assert not found, f"{name}: {found}"


def examine_widths(page: Page, name: str, axe_width: int) -> None:
    """Examine a page that was loaded on a phone at every width. Loading it for each takes three times as long."""
    for width in (PHONE, TABLET, DESK):
        page.set_viewport_size({"width": width, "height": 900})
        examine(page, f"{name}-{width}", with_axe=width == axe_width)


@pytest.mark.parametrize("look", LOOKS)
def test_member_pages_pass_layout_and_accessibility_checks(member: Person, pages: dict[str, str], look: str) -> None:
    theme, language, axe_width = LOOKS[look]
    member.goto("/edit_profile")
    member.page.select_option("[name=language]", language)
    member.page.select_option("[name=theme]", theme)
    member.submit("form:has([name=theme])")
    for name, path in pages.items():
        member.page.set_viewport_size({"width": PHONE, "height": 900})
        member.goto(path)
        examine_widths(member.page, f"{name}-{look}", axe_width)
    member.expect_no_error()
    member.page.set_viewport_size({"width": PHONE, "height": 900})
    member.goto("/nothing-here")
    examine_widths(member.page, f"error-{look}", axe_width)
    member.errors.clear()  # the browser logs the 404 itself


def test_doubled_font_size_fits_a_phone(member: Person, pages: dict[str, str]) -> None:
    member.page.set_viewport_size({"width": PHONE, "height": 900})
    for name, path in pages.items():
        member.goto(path)
        member.page.evaluate("document.documentElement.style.fontSize = '200%'")
        examine(member.page, f"{name}-large-{PHONE}", with_axe=False)


@pytest.mark.parametrize(("scheme", "language", "axe_width"), [("light", "en", PHONE), ("dark", "ar", DESK)])
def test_visitor_pages_pass_layout_and_accessibility_checks(
    person: Callable[..., Person], site: Site, scheme: str, language: str, axe_width: int
) -> None:
    somebody = person(f"olga_{language}", color_scheme=scheme, locale=language)
    wait_for(lambda: site.mails(somebody.email), seconds=30, every=0.3, why="a mail to look at")
    page = somebody.page
    page.get_by_role("button", name=re.compile("^(Log out|تسجيل الخروج)$")).first.click()
    for width in (PHONE, TABLET, DESK):
        page.set_viewport_size({"width": width, "height": 900})
        for name, path in VISITOR_PAGES.items():
            page.goto(site.url + path)
            examine(page, f"{name}-{scheme}-{language}-{width}", with_axe=width == axe_width)
        page.goto(site.mail_url)
        examine(page, f"mails-{scheme}-{language}-{width}", with_axe=width == axe_width)
        page.locator("#mails a").first.click()
        page.wait_for_load_state()
        examine(page, f"mail-{scheme}-{language}-{width}", with_axe=width == axe_width)
