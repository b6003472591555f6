"""The poller in a real browser on the real stack; its requests are counted before the server."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import PASSWORD, POLL_INTERVAL, Person, Site
from tests.e2e.counting import CountingDoor
from tests.e2e.test_two_people import badge
from tests.js.conftest import hide, until

pytestmark = pytest.mark.e2e
MakePerson = Callable[..., Person]
EXPECTED = re.compile(r"ERR_INTERNET_DISCONNECTED|ERR_EMPTY_RESPONSE|ERR_CONNECTION|401|ERR_SOCKET")


@pytest.fixture
def door(site: Site) -> Iterator[CountingDoor]:
    """The door that one person's browser comes through."""
    made = CountingDoor(urlsplit(site.url).port or 80)
    yield made
    made.close()


@pytest.fixture
def counted_person(site: Site, browser: Browser, door: CountingDoor) -> Iterator[MakePerson]:
    """`counted_person("ana")`: registered and logged in, through the counting door."""
    people: list[Person] = []

    def make(name: str) -> Person:
        made = Person(name, replace(site, url=door.url), browser.new_context())
        made.context.set_default_timeout(10_000)
        people.append(made)
        made.register()
        return made

    yield make
    for somebody in people:
        somebody.context.close()
        # A browser logs it when a network is gone or a session over, whatever the page makes of it.
        somebody.errors[:] = [error for error in somebody.errors if not EXPECTED.search(error)]
        somebody.expect_no_error()


def write(sender: Person, recipient: str, text: str) -> None:
    """Send a message."""
    sender.goto(f"/messages/{recipient}")
    sender.submit(".reply", message=text)
    expect(sender.page.locator(".bubble.mine", has_text=text)).to_be_visible()


def wait_for_quiet(page: Page) -> float:
    """Wait until the polls of the pages that were just opened are over; the moment from which to count."""
    page.wait_for_timeout(1500)
    return time.monotonic()


def test_five_tabs_share_one_poller(counted_person: MakePerson, person: MakePerson, door: CountingDoor) -> None:
    rosa, otto = counted_person("rosa"), person("otto")
    rosa.knows(otto)
    tabs = [rosa.page, *(rosa.tab(path) for path in ("/", "/explore", "/messages", "/user/rosa"))]
    begin = wait_for_quiet(rosa.page)
    turns = 5
    rosa.page.wait_for_timeout(turns * POLL_INTERVAL * 1000)
    assert turns - 1 <= door.count_since(begin) <= turns + 1
    assert sum(tab.evaluate("Microblog.poll.state().leader") for tab in tabs) == 1

    write(otto, "rosa", "One for all")
    for tab in tabs:
        expect(badge(tab)).to_contain_text("1")

    # Another takes over from a leader that is closed, and there is still one.
    leader = next(tab for tab in tabs if tab.evaluate("Microblog.poll.state().leader"))
    tabs.remove(leader)
    leader.close()
    begin = wait_for_quiet(tabs[0])
    write(otto, "rosa", "And another")
    for tab in tabs:
        expect(badge(tab)).to_contain_text("2")
    tabs[0].wait_for_timeout(2 * POLL_INTERVAL * 1000)
    turns = int((time.monotonic() - begin) / POLL_INTERVAL)
    assert turns - 1 <= door.count_since(begin) <= turns + 2


def test_a_hidden_tab_never_polls(counted_person: MakePerson, person: MakePerson, door: CountingDoor) -> None:
    lena, igor = counted_person("lena"), person("igor")
    lena.knows(igor)
    second = lena.tab("/messages")
    wait_for_quiet(second)
    for tab in (lena.page, second):
        hide(tab)
    begin = wait_for_quiet(second)
    write(igor, "lena", "Nobody looks")
    second.wait_for_timeout(4 * POLL_INTERVAL * 1000)
    assert door.count_since(begin) == 0
    expect(badge(second)).to_be_hidden()

    hide(second, False)
    expect(badge(second)).to_contain_text("1", timeout=1500)  # at once, not at the next turn
    expect(badge(lena.page)).to_contain_text("1", timeout=500)  # still hidden: it hears, and does not ask
    assert not lena.page.evaluate("Microblog.poll.state().leader")


def test_half_a_minute_offline_is_shown_and_recovered(counted_person: MakePerson, person: MakePerson) -> None:
    mona, karl = counted_person("mona"), person("karl")
    mona.knows(karl)
    mona.goto("/explore")
    wait_for_quiet(mona.page)
    mona.context.set_offline(True)
    began = time.monotonic()
    expect(mona.page.locator("#connection")).to_have_text("Offline. Reconnecting…", timeout=20_000)
    write(karl, "mona", "Are you there?")
    mona.page.wait_for_timeout(max(0.0, 30 - (time.monotonic() - began)) * 1000)
    expect(badge(mona.page)).to_be_hidden()
    mona.context.set_offline(False)
    expect(badge(mona.page)).to_contain_text("1", timeout=2000)
    expect(mona.page.locator("#connection")).to_have_count(0)


def test_unreachable_server_is_polled_less_often(counted_person: MakePerson, door: CountingDoor) -> None:
    """As at a restart that takes long: a hint, longer waits, and everything as before when it is back."""
    vera = counted_person("vera")
    vera.goto("/explore")
    wait_for_quiet(vera.page)
    door.shut()
    expect(vera.page.locator("#connection")).to_be_visible(timeout=60_000)
    until(lambda: vera.page.evaluate("Microblog.poll.state().failures") >= 3, vera.page, 30)
    state = vera.page.evaluate("Microblog.poll.state()")
    wait = state["dueAt"] / 1000 - time.time()
    assert wait > 1.2 * POLL_INTERVAL
    door.open()
    expect(vera.page.locator("#connection")).to_have_count(0, timeout=(wait + 3) * 1000)
    begin = wait_for_quiet(vera.page)
    vera.page.wait_for_timeout(2 * POLL_INTERVAL * 1000)
    assert 1 <= door.count_since(begin) <= 3


def test_remote_logout_shows_a_notice(
    counted_person: MakePerson, browser: Browser, site: Site, door: CountingDoor
) -> None:
    dora = counted_person("dora")
    dora.goto("/explore")
    second = dora.tab("/messages")
    other = Person("dora", site, browser.new_context())
    other.log_in()
    other.goto("/auth/security")
    other.page.get_by_role("button", name="Log out everywhere").click()
    expect(other.page).to_have_url(re.compile("/auth/login"))
    other.context.close()

    for tab in (dora.page, second):
        expect(tab.locator("#connection")).to_contain_text("You've been logged out.")
    begin = wait_for_quiet(second)
    second.wait_for_timeout(3 * POLL_INTERVAL * 1000)
    assert door.count_since(begin) == 0

    second.locator("#connection").get_by_role("link", name="Log in").click()
    second.fill("main form [name=username]", "dora")
    second.fill("main form [name=password]", PASSWORD)
    second.click("main form [type=submit]")
    expect(second).to_have_url(re.compile(r"/messages$"))
    expect(dora.page.locator("#connection")).to_have_count(0)  # it heard the other tab's answer


def test_live_region_announces_each_change_once(
    counted_person: MakePerson, person: MakePerson, door: CountingDoor
) -> None:
    nora, paul = counted_person("nora"), person("paul")
    nora.knows(paul)
    nora.goto("/explore")
    nora.page.evaluate(
        """() => {
            window.said = [];
            const region = document.getElementById("live");
            new MutationObserver((changes) => changes.forEach(() => window.said.push(region.textContent)))
                .observe(region, { childList: true, characterData: true, subtree: true, attributes: true });
        }"""
    )
    wait_for_quiet(nora.page)
    assert nora.page.evaluate("said") == []
    write(paul, "nora", "Good morning")
    expect(badge(nora.page)).to_contain_text("1")
    begin = wait_for_quiet(nora.page)
    nora.page.wait_for_timeout(3 * POLL_INTERVAL * 1000)
    assert door.count_since(begin) >= 2  # polls that have nothing to say
    assert nora.page.evaluate("said") == ["1 unread message"]
    write(paul, "nora", "And good night")
    expect(badge(nora.page)).to_contain_text("2")
    assert nora.page.evaluate("said") == ["1 unread message", "2 unread messages"]


def test_open_timeline_shows_new_posts_on_request(counted_person: MakePerson, person: MakePerson) -> None:
    ines, hugo = counted_person("ines"), person("hugo")
    ines.knows(hugo)
    for number in range(8):
        publish(hugo, f"Old news {number}")
    ines.goto("/")
    expect(ines.page.locator(".post")).to_have_count(8)
    ines.page.evaluate("window.isTheSamePage = true")
    ines.page.locator("textarea").first.fill("half a thought")
    wait_for_quiet(ines.page)
    ines.page.mouse.wheel(0, 300)
    ines.page.wait_for_timeout(300)
    watched = ines.page.locator(".post").nth(4)
    before = watched.bounding_box()

    publish(hugo, "Breaking news")
    offer = ines.page.locator("[data-news] button")
    expect(offer).to_have_text("Show 1 new post")
    assert watched.bounding_box() == before  # nothing moved under her eyes
    expect(offer).to_be_in_viewport()
    expect(ines.page.locator("#live")).to_have_text("1 new post")
    publish(hugo, "More of it")
    expect(offer).to_have_text("Show 2 new posts")

    offer.focus()
    ines.page.keyboard.press("Enter")
    expect(ines.page.locator(".post").first).to_be_focused()
    expect(ines.page.locator(".post").first).to_contain_text("More of it")
    expect(ines.page.locator(".post").nth(1)).to_contain_text("Breaking news")
    expect(ines.page.locator(".post")).to_have_count(10)
    expect(offer).to_have_count(0)
    assert ines.page.evaluate("window.isTheSamePage")
    expect(ines.page.locator("textarea").first).to_have_value("half a thought")

    # Her own post, from another tab.
    second = ines.tab("/explore")
    second.goto(ines.site.url + "/")
    second.fill(".composer [name=post]", "I was there")
    second.click(".composer [type=submit]:visible")
    expect(second.locator(".post").first).to_contain_text("I was there")
    expect(offer).to_have_text("Show 1 new post")
    expect(second.locator("[data-news] button")).to_have_count(0)


def publish(writer: Person, text: str) -> None:
    """Write a post."""
    writer.goto("/")
    writer.submit(".composer", post=text)
    expect(writer.page.locator(".post").first).to_contain_text(text)
