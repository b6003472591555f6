"""The main job of the project, whole: two people, one badge, one mail."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import MAIL_DELAY, POLL_INTERVAL, Person, Site, link_in
from tests.support.ports import wait_for

pytestmark = pytest.mark.e2e
SENDING = 15  # seconds a mail may take when its time has come; the promise is a minute, on a quiet machine it takes one
MakePerson = Callable[..., Person]


def badge(page: Page) -> Locator:
    """The number of unread messages in the navigation."""
    return page.locator('[data-badge="unread_message_count"]')


def write(sender: Person, recipient: str, text: str) -> None:
    """Send a message from the conversation."""
    sender.goto(f"/messages/{recipient}")
    sender.submit(".reply", message=text)
    expect(sender.page.locator(".bubble.mine", has_text=text)).to_be_visible()


def test_two_members_follow_post_and_send_messages(person: MakePerson, site: Site) -> None:
    maya, noah = person("maya"), person("noah")

    for one, other in ((maya, noah), (noah, maya)):
        one.knows(other)
        one.goto("/")
        one.submit(".composer", post=f"Hello from {one.name} #first")
        expect(one.page.locator(".post", has_text=f"Hello from {one.name}")).to_be_visible()
    maya.goto("/")
    expect(maya.page.locator(".post", has_text="Hello from noah")).to_be_visible()

    noah.goto("/activity")  # that Maya follows him counts, too, until he has seen it
    expect(noah.page.locator('[data-badge="unread_activity_count"]')).to_be_hidden()
    noah.goto("/explore")
    second = noah.tab("/explore")
    expect(badge(noah.page)).to_be_hidden()
    time.sleep(POLL_INTERVAL)  # he has been sitting there: what follows is not the first poll of a fresh page

    write(maya, "noah", "Are you coming to the pier?")
    expect(badge(noah.page)).to_contain_text("1")
    expect(noah.page).to_have_title(re.compile(r"^\(1\) "))
    expect(badge(second)).to_contain_text("1")
    assert noah.page.url.endswith("/explore")

    wait_for(lambda: site.mails(noah.email, "maya"), seconds=MAIL_DELAY + SENDING, every=0.5, why="the mail")

    noah.goto("/messages/maya")
    expect(noah.page.get_by_text("Are you coming to the pier?")).to_be_visible()
    expect(badge(second)).to_be_hidden()
    expect(second).not_to_have_title(re.compile(r"^\("))
    expect(badge(noah.page)).to_be_hidden()

    time.sleep(MAIL_DELAY)
    assert len(site.mails(noah.email, "maya")) == 1


def test_promptly_read_message_sends_no_email(person: MakePerson, site: Site) -> None:
    carla, dario, waits = person("carla"), person("dario"), person("emil")
    dario.knows(carla)
    waits.knows(carla)
    dario.goto("/messages/carla")

    write(carla, "dario", "Quick question")
    write(carla, "emil", "Whenever you have time")
    # The open conversation shows it without a reload, and so it is read.
    expect(dario.page.locator(".bubble", has_text="Quick question")).to_be_visible()
    expect(badge(dario.page)).to_be_hidden()

    # Emil's was ordered later and is sent: had there been one for Dario it would have come before.
    wait_for(lambda: site.mails(waits.email, "carla"), seconds=MAIL_DELAY + SENDING, every=0.5, why="Emil's mail")
    assert site.mails(dario.email, "carla") == []


def test_links_in_emails_work(person: MakePerson, site: Site) -> None:
    person("earlier")  # the first of a site is logged in before the address is confirmed
    eva = person("eva")  # opens the link that creates the account
    eva.goto("/auth/security")
    expect(eva.page.get_by_text("Confirmed", exact=True)).to_be_visible()

    eva.page.get_by_role("button", name="Log out", exact=True).first.click()
    eva.goto("/auth/reset_password_request")
    eva.submit("main form", email=eva.email)
    eva.page.goto(link_in(site, eva, "/auth/reset_password/"))
    eva.submit("main form", password="another seven lanterns", password2="another seven lanterns")
    eva.log_in("another seven lanterns")
