"""The Activity page in a browser: what was on the screen is marked as read, and what is new is offered."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from .fake_site import Answer, Asked, FakeSite, note

pytestmark = pytest.mark.e2e
OpenTab = Callable[..., Page]
NAME = "unread_activity_count"


class Activity:
    """What the server knows: rows, newest first, each with the ids of its events."""

    def __init__(self, site: FakeSite, *rows: tuple[list[int], bool], badge: int = 0) -> None:
        """`rows` are (ids, is unread)."""
        self.site = site
        self.rows = list(rows)
        self.badge = badge
        self.read: list[list[tuple[str, str]]] = []
        self.refuse = 0
        self.render()
        site.routes["/activity"] = lambda asked: Answer(site.page())
        site.routes["/activity/read"] = self.mark

    def render(self) -> None:
        """Put the rows on the page; each is as high as the window."""
        rows = "".join(
            f'<li class="event{" is-unread" if unread else ""}" data-events="{" ".join(map(place, ids))}"'
            f"{' data-unread' if unread else ''}>{ids}{'<br>' * 60}</li>"
            for ids, unread in self.rows
        )
        newest = place(max((number for ids, _unread in self.rows for number in ids), default=0))
        self.site.content = (
            "<form data-mark-all><button>Mark all as read</button></form>"
            f'<span data-badge="{NAME}" data-count="{self.badge}"></span>'
            f'<div data-activity="/activity" data-newest="{newest}"><div data-news></div>'
            f'<ul data-rows data-read-url="/activity/read">{rows}</ul></div>'
        )

    def mark(self, asked: Asked) -> Answer:
        """Take in what was read."""
        if self.refuse:
            self.refuse -= 1
            return Answer("busy", 503)
        fields = [pair.split("=") for pair in asked.body.split("&")]
        assert [name for name, _value in fields] == ["first", "last"] * (len(fields) // 2)
        values = [value for _name, value in fields]
        self.read.append(list(zip(values[::2], values[1::2], strict=True)))
        return Answer("", 204)

    def arrives(self, number: int, badge: int, timestamp: float) -> None:
        """Something happens: it is on the next page, and the poller is told."""
        self.rows.insert(0, ([number], True))
        self.tell(badge, timestamp)

    def tell(self, badge: int, timestamp: float) -> None:
        """Tell the poller a number."""
        self.badge = badge
        self.render()
        self.site.notifications = [note(NAME, badge, timestamp)]

    def pages(self) -> int:
        """How often the page was asked for."""
        return len([asked for asked in self.site.asked if asked.path == "/activity"])


def place(number: int) -> str:
    """Where event `number` stands."""
    return f"{1000 + number // 2}.5-{number}"  # two of a commit have one stamp


def wait_for_reads(page: Page, activity: Activity, count: int) -> None:
    """Wait until so many requests said what was read."""
    for _ in range(60):
        if len(activity.read) >= count:
            return
        page.wait_for_timeout(50)
    raise AssertionError(activity.read)


def test_only_events_seen_on_screen_are_marked_read(site: FakeSite, open_tab: OpenTab) -> None:
    activity = Activity(site, ([4], True), ([3], True), ([2], False), ([1], True), badge=3)
    page = open_tab("/activity")
    wait_for_reads(page, activity, 1)
    assert activity.read == [[(place(4), place(4))]]
    page.locator("li").nth(3).scroll_into_view_if_needed()  # a jump: 3 was never on the screen
    wait_for_reads(page, activity, 2)
    assert activity.read[1] == [(place(1), place(2))]
    page.wait_for_timeout(500)
    assert len(activity.read) == 2


def test_events_of_one_group_are_reported_as_separate_spans(site: FakeSite, open_tab: OpenTab) -> None:
    """5 and 2 are one row on the screen; 4 and 3 stand between them in the list, further down on the page."""
    activity = Activity(site, ([5, 2], True), ([4], True), ([3], True), badge=4)
    page = open_tab("/activity")
    wait_for_reads(page, activity, 1)
    assert activity.read == [[(place(5), place(5)), (place(2), place(2))]]


def test_failed_read_request_is_retried(site: FakeSite, open_tab: OpenTab) -> None:
    activity = Activity(site, ([1], True), badge=1)
    activity.refuse = 1
    page = open_tab("/activity")
    page.clock.install()
    page.reload()
    page.clock.run_for(1000)
    page.wait_for_timeout(300)
    page.clock.run_for(11_000)
    wait_for_reads(page, activity, 1)
    assert activity.read[0] == [(place(1), place(1))]


def test_new_activity_is_offered_without_moving_the_page(site: FakeSite, open_tab: OpenTab) -> None:
    activity = Activity(site, ([1], False))
    page = open_tab("/activity")
    before = page.locator("li").first.bounding_box()
    activity.arrives(2, badge=1, timestamp=200.0)
    button = page.get_by_role("button", name="Show new activity")
    expect(button).to_be_visible()
    assert page.locator("li").count() == 1
    after = page.locator("li").first.bounding_box()
    assert before is not None
    assert after is not None
    assert after["x"] == before["x"]
    button.click()
    expect(page.locator("li")).to_have_count(2)
    expect(button).to_have_count(0)


def test_own_reading_triggers_no_offer_and_no_request(site: FakeSite, open_tab: OpenTab) -> None:
    activity = Activity(site, ([3], True), ([2], True), ([1], True), badge=3)
    page = open_tab("/activity")
    wait_for_reads(page, activity, 1)
    activity.tell(2, 200.0)
    page.wait_for_timeout(2500)
    assert activity.pages() == 1
    expect(page.get_by_role("button", name="Show new activity")).to_have_count(0)


def test_mark_all_button_disappears_when_everything_is_read(site: FakeSite, open_tab: OpenTab) -> None:
    activity = Activity(site, ([2], True), ([1], False), badge=2)  # the other unread one is on an older page
    page = open_tab("/activity")
    button = page.get_by_role("button", name="Mark all as read")
    wait_for_reads(page, activity, 1)
    activity.tell(1, 200.0)
    page.wait_for_timeout(1500)
    expect(button).to_be_visible()
    activity.tell(0, 300.0)
    expect(button).to_be_hidden()


def test_lower_count_with_a_new_event_is_detected(site: FakeSite, open_tab: OpenTab) -> None:
    """Another tab has read two and one has come: the number falls, and yet there is something new."""
    activity = Activity(site, ([3], False), ([2], False), ([1], False), badge=5)
    page = open_tab("/activity")
    activity.arrives(4, badge=4, timestamp=200.0)
    expect(page.get_by_role("button", name="Show new activity")).to_be_visible()


def test_reading_in_another_tab_is_not_offered_as_new_activity(site: FakeSite, open_tab: OpenTab) -> None:
    activity = Activity(site, ([1], False), badge=5)
    page = open_tab("/activity")
    activity.tell(2, 200.0)
    page.wait_for_timeout(2500)
    assert activity.pages() == 2
    expect(page.get_by_role("button", name="Show new activity")).to_have_count(0)
