"""The main job of the project, whole: two people, one badge, one mail."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import MAIL_DELAY, POLL_INTERVAL
from tests.support.ports import wait_for

pytestmark = pytest.mark.e2e
WITHIN = (POLL_INTERVAL + 1) * 1000  # milliseconds


def badge(page: Page) -> object:
    return page.locator('[data-badge="unread_message_count"]').first


def write(page: Page, url: str, text: str) -> None:
    page.goto(url)
    page.fill("[name=message]", text)
    page.click("form:has([name=message]) [type=submit]")
    expect(page.get_by_text(text, exact=True)).to_be_visible()


def test_two_people_meet_and_write(person, site):
    ana, ben = person("ana"), person("ben")

    for one, other in ((ana, "ben"), (ben, "ana")):
        one.goto(f"/user/{other}")
        one.page.get_by_role("button", name="Follow").first.click()
        expect(one.page.get_by_role("button", name=re.compile("Unfollow|Following"))).to_be_visible()
        one.goto("/")
        one.page.fill("[name=post]", f"Hello from {one.name} #first")
        one.page.click("form:has([name=post]) [type=submit]")
        expect(one.page.get_by_text(f"Hello from {one.name}").first).to_be_visible()
    ana.goto("/")
    expect(ana.page.get_by_text("Hello from ben").first).to_be_visible()

    ben.goto("/explore")
    second = ben.tab("/explore")
    expect(badge(ben.page)).to_be_hidden()
    time.sleep(POLL_INTERVAL)  # he has been sitting there: what follows is not the poll of a fresh page

    write(ana.page, f"{site.url}/messages/ben", "Are you coming to the pier?")
    expect(badge(ben.page)).to_contain_text("1", timeout=WITHIN)
    expect(ben.page).to_have_title(re.compile(r"^\(1\) "))
    expect(badge(second)).to_contain_text("1", timeout=WITHIN)
    assert ben.page.url.endswith("/explore")

    wait_for(
        lambda: site.mails(ben.email, "ana")[0], seconds=MAIL_DELAY + 15, every=0.5, why="the mail about the message"
    )

    ben.goto("/messages/ana")
    expect(ben.page.get_by_text("Are you coming to the pier?")).to_be_visible()
    expect(badge(second)).to_be_hidden(timeout=WITHIN)
    expect(second).not_to_have_title(re.compile(r"^\("))

    time.sleep(MAIL_DELAY)
    assert len(site.mails(ben.email, "ana")) == 1


def test_a_message_that_is_read_in_time_sends_no_mail(person, site):
    carla, dario = person("carla"), person("dario")
    dario.goto("/messages/carla")

    write(carla.page, f"{site.url}/messages/dario", "Quick question")
    # The open conversation shows it without a reload, and so it is read.
    expect(dario.page.get_by_text("Quick question")).to_be_visible(timeout=WITHIN)
    expect(badge(dario.page)).to_be_hidden(timeout=WITHIN)

    time.sleep(MAIL_DELAY + 5)
    assert site.mails(dario.email, "carla") == []


def test_a_confirmation_and_a_reset_arrive_and_work(person, site):
    eva = person("eva")
    wait_for(lambda: site.mails(eva.email)[0], seconds=15, every=0.3, why="the mail to confirm the address")
    eva.page.get_by_role("button", name="Log out").first.click()
    eva.goto("/auth/reset_password_request")
    eva.page.fill("[name=email]", eva.email)
    eva.page.click("main [type=submit]")
    wait_for(
        lambda: site.mails(eva.email)[1], seconds=15, every=0.3, why="the mail to reset the password"
    )
