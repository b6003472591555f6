"""The poller: one for each browser, never deaf, never rude to the server."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page

from .conftest import hide, until
from .fake_site import Answer, Asked, FakeSite, as_json, note

pytestmark = pytest.mark.e2e
OpenTab = Callable[..., Page]
LISTEN = """() => {
    window.heard = [];
    for (const name of ["unread_message_count", "task_progress", "conversation"]) {
        Microblog.poll.on(name, (data, notification) => window.heard.push([name, data, notification.timestamp]));
    }
}"""


def record_notifications(page: Page) -> Page:
    """Collect what the page's listeners hear in window.heard."""
    page.evaluate(LISTEN)
    return page


def until_notified(page: Page, seconds: float = 6) -> None:
    """Wait until a listener of the page has heard something."""
    until(lambda: page.evaluate("heard.length"), page, seconds)


def test_first_poll_is_immediate_and_sends_since_of_the_page(site: FakeSite, open_tab: OpenTab) -> None:
    site.body_attributes["data-since"] = "1700000000.123456"
    page = open_tab()
    until(site.polls, page, 1)
    assert site.polls()[0].query["since"] == "1700000000.123456"


def test_since_moves_to_the_newest_timestamp_with_full_precision(site: FakeSite, open_tab: OpenTab) -> None:
    site.notifications = [
        note("unread_message_count", 1, 1700000000.12),
        note("unread_message_count", 2, 1700000000.654321),
    ]
    page = open_tab()
    until(lambda: len(site.polls()) >= 2, page)
    assert site.polls()[1].query["since"] == "1700000000.654321"


def test_visitor_page_does_not_poll(site: FakeSite, open_tab: OpenTab) -> None:
    site.body_attributes |= {"data-poll-url": "", "data-user-id": ""}
    open_tab().wait_for_timeout(1500)
    assert site.polls() == []


def test_five_tabs_share_one_poller_and_all_get_notifications(site: FakeSite, open_tab: OpenTab) -> None:
    tabs = [record_notifications(open_tab()) for _ in range(5)]
    tabs[0].wait_for_timeout(1200)
    before = len(site.polls())
    tabs[0].wait_for_timeout(5000)
    assert 4 <= len(site.polls()) - before <= 6
    site.notifications = [note("unread_message_count", 3, 200.5)]
    for tab in tabs:
        until_notified(tab)
        assert tab.evaluate("heard") == [["unread_message_count", 3, 200.5]]
    leaders = [tab.evaluate("Microblog.poll.state().leader") for tab in tabs]
    assert sum(leaders) == 1


def test_another_tab_takes_over_when_the_leader_closes(site: FakeSite, open_tab: OpenTab) -> None:
    first, second = open_tab(), record_notifications(open_tab())
    first.wait_for_timeout(500)
    assert first.evaluate("Microblog.poll.state().leader")
    first.close()
    until(lambda: second.evaluate("Microblog.poll.state().leader"), second, 2)
    site.notifications = [note("unread_message_count", 1, 200.0)]
    until_notified(second, 3)


def test_hidden_leader_hands_over_and_hidden_tabs_never_poll(site: FakeSite, open_tab: OpenTab) -> None:
    first, second = open_tab(), record_notifications(open_tab())
    first.wait_for_timeout(500)
    hide(first)
    until(lambda: second.evaluate("Microblog.poll.state().leader"), second, 2)
    assert not first.evaluate("Microblog.poll.state().leader")
    hide(second)
    second.wait_for_timeout(1000)
    before = len(site.polls())
    second.wait_for_timeout(3000)
    assert len(site.polls()) == before
    site.notifications = [note("unread_message_count", 1, 200.0)]
    hide(second, False)
    until_notified(second, 0.9)  # at once, not at the next turn


def test_hidden_tab_receives_notifications_from_another_tab(site: FakeSite, open_tab: OpenTab) -> None:
    hidden, _ = record_notifications(open_tab()), open_tab()
    hide(hidden)
    site.notifications = [note("unread_message_count", 4, 200.0)]
    until_notified(hidden)


def test_older_page_catches_up_with_a_leader_that_is_ahead(site: FakeSite, open_tab: OpenTab) -> None:
    site.notifications = [note("task_progress", {"task_id": "a", "progress": 10, "state": "running"}, 150.0)]
    site.body_attributes["data-since"] = "300.0"
    leader = open_tab()
    leader.wait_for_timeout(500)
    site.body_attributes["data-since"] = "100.0"
    older = record_notifications(open_tab())
    until_notified(older)
    # Its own answer has closed the gap: it does not ask again at every word of the leader.
    older.wait_for_timeout(1500)
    before = len(site.polls())
    older.wait_for_timeout(4000)
    assert len(site.polls()) - before <= 5


def test_older_response_is_ignored_for_its_own_subject_only(site: FakeSite, open_tab: OpenTab) -> None:
    answers = [
        [note("unread_message_count", 5, 300.0), note("task_progress", {"task_id": "a", "progress": 9}, 301.0)],
        [note("unread_message_count", 1, 250.0), note("task_progress", {"task_id": "b", "progress": 1}, 260.0)],
    ]
    site.poll = lambda asked: as_json(answers.pop(0) if answers else [])
    page = record_notifications(open_tab())
    until(lambda: len(site.polls()) >= 3, page)
    assert [data for name, data, _ in page.evaluate("heard") if name == "unread_message_count"] == [5]
    assert page.evaluate("heard.filter(h => h[0] === 'task_progress').length") == 2
    assert site.polls()[2].query["since"] == "301.000000"  # only forward


def test_http_401_stops_every_tab_and_offers_login(site: FakeSite, open_tab: OpenTab) -> None:
    first, second = open_tab(), open_tab()
    first.wait_for_timeout(1500)
    site.poll = lambda asked: as_json({"error": "unauthorized"}, 401)
    for tab in (first, second):
        link = tab.wait_for_selector("#connection a")
        assert link is not None
        assert link.get_attribute("href") == "/auth/login?next=%2F"
    before = len(site.polls())
    hide(second)
    hide(second, False)
    first.wait_for_timeout(3000)
    assert len(site.polls()) == before
    site.poll = site.poll_truthfully
    open_tab()  # logged in again, in a new tab: the others go on
    first.wait_for_selector("#connection", state="detached")


def test_coming_back_online_triggers_a_poll(site: FakeSite, open_tab: OpenTab, context: BrowserContext) -> None:
    site.body_attributes["data-poll-interval"] = "3"
    page = record_notifications(open_tab())
    page.wait_for_timeout(500)
    context.set_offline(True)
    page.wait_for_selector("#connection", timeout=12000)
    site.notifications = [note("unread_message_count", 1, 200.0)]
    context.set_offline(False)
    until_notified(page, 2)
    page.wait_for_selector("#connection", state="detached")


def test_waking_from_sleep_triggers_a_poll(site: FakeSite, open_tab: OpenTab) -> None:
    site.body_attributes["data-poll-interval"] = "60"
    page = open_tab()
    until(site.polls, page)
    page.wait_for_timeout(500)
    page.evaluate("() => { const now = Date.now; Date.now = () => now() + 30000; }")
    until(lambda: len(site.polls()) == 2, page, 2)


def test_only_one_poll_is_in_flight_and_now_queues_one_more(site: FakeSite, open_tab: OpenTab) -> None:
    running: list[int] = []
    most: list[int] = []

    def slowly(asked: Asked) -> Answer:
        running.append(1)
        most.append(len(running))
        time.sleep(2.5)
        running.pop()
        return as_json([])

    site.poll = slowly
    page = open_tab()
    page.wait_for_timeout(300)
    page.evaluate("() => { Microblog.poll.now(); Microblog.poll.now(); }")
    page.wait_for_timeout(4000)
    assert max(most) == 1
    assert len(site.polls()) == 2


def test_without_web_locks_each_tab_polls_for_itself(
    site: FakeSite, open_tab: OpenTab, context: BrowserContext
) -> None:
    context.add_init_script("Object.defineProperty(Navigator.prototype, 'locks', { get: () => undefined });")
    tabs = [record_notifications(open_tab()), record_notifications(open_tab())]
    site.notifications = [note("unread_message_count", 2, 200.0)]
    for tab in tabs:
        until_notified(tab)
        assert tab.evaluate("Microblog.poll.state().leader")


def test_without_broadcast_channel_each_tab_polls_for_itself(
    site: FakeSite, open_tab: OpenTab, context: BrowserContext
) -> None:
    context.add_init_script("delete window.BroadcastChannel;")
    tabs = [record_notifications(open_tab()), record_notifications(open_tab())]
    site.notifications = [note("unread_message_count", 2, 200.0)]
    for tab in tabs:
        until_notified(tab)
        assert tab.evaluate("Microblog.poll.state().leader")


def test_failing_listener_affects_no_other_and_a_late_one_gets_the_state(site: FakeSite, open_tab: OpenTab) -> None:
    page = open_tab()
    page.evaluate("() => Microblog.poll.on('unread_message_count', () => { throw new Error('broken'); })")
    record_notifications(page)
    site.notifications = [note("unread_message_count", 2, 200.0)]
    until_notified(page)
    assert page.evaluate("() => { let got; Microblog.poll.on('unread_message_count', n => got = n); return got; }") == 2


def test_login_of_another_member_stops_the_old_page(site: FakeSite, open_tab: OpenTab) -> None:
    old = open_tab()
    old.wait_for_timeout(500)
    site.body_attributes["data-user-id"] = "8"
    open_tab()
    old.wait_for_selector("#connection button")
    assert old.evaluate("Microblog.poll.state().stopped") == "other"
