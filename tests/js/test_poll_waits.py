"""How long the poller waits: as the server says, longer after failures, and never in step with others."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from .conftest import until
from .fake_site import Answer, Asked, FakeSite, as_json, note
from .test_poll import record_notifications

pytestmark = pytest.mark.e2e
OpenTab = Callable[..., Page]


def test_poll_interval_header_is_obeyed(site: FakeSite, open_tab: OpenTab) -> None:
    site.poll = lambda asked: as_json([], Poll_Interval="4")
    page = open_tab()
    page.wait_for_timeout(9500)
    gaps = [later.at - earlier.at for earlier, later in zip(site.polls(), site.polls()[1:], strict=False)]
    assert len(gaps) == 2
    assert all(3.2 <= gap <= 4.8 for gap in gaps)


def test_overloaded_server_is_not_polled_before_retry_after(site: FakeSite, open_tab: OpenTab) -> None:
    site.poll = lambda asked: as_json({"error": "busy"}, 503, Retry_After="2", Poll_Interval="30")
    page = open_tab()
    until(lambda: page.evaluate("Microblog.poll.state().failures") == 1, page)
    assert page.evaluate("Microblog.poll.state().interval") == 30_000
    site.poll = site.poll_truthfully
    page.evaluate("Microblog.poll.now()")  # not before Retry-After has passed
    until(lambda: len(site.polls()) == 2, page, 4)
    assert site.polls()[1].at - site.polls()[0].at >= 1.4
    assert page.evaluate("Microblog.poll.state().interval") == 30_000  # as long as nobody says otherwise


def test_poll_intervals_are_randomized(site: FakeSite, open_tab: OpenTab) -> None:
    """Of the same interval each makes a little less, at random; after failures they spread wider."""
    site.body_attributes["data-poll-interval"] = "60"
    page = open_tab()
    until(site.polls, page)

    def waits() -> list[float]:
        """The wait after each of ten answers."""
        found = []
        for _ in range(10):
            before = len(site.polls())
            page.evaluate("Microblog.poll.now()")
            until(lambda before=before: len(site.polls()) > before, page)
            until(lambda: not page.evaluate("Microblog.poll.state().asking"), page)
            found.append(page.evaluate("(Microblog.poll.state().dueAt - Date.now()) / 1000"))
        return found

    regular = waits()
    assert all(56 <= wait <= 60 for wait in regular)
    assert max(regular) - min(regular) > 0.3
    site.poll = lambda asked: Answer("no", 502)
    failed = waits()
    assert max(failed) - min(failed) > 30
    assert max(failed) <= 300


def test_poll_errors_back_off_and_show_a_hint(site: FakeSite, open_tab: OpenTab) -> None:
    site.poll = lambda asked: Answer("no", 500)
    page = record_notifications(open_tab())
    until(lambda: len(site.polls()) == 1, page)
    assert page.locator("#connection").count() == 0  # one failure is nobody's worry
    page.wait_for_selector("#connection")
    assert page.locator("#connection").inner_text() == "Offline. Reconnecting…"
    assert page.evaluate("Microblog.poll.state().failures") == 2
    page.wait_for_timeout(5000)
    assert len(site.polls()) <= 5
    site.poll = site.poll_truthfully
    site.notifications = [note("unread_message_count", 1, 200.0)]
    page.evaluate("Microblog.poll.now()")
    page.wait_for_selector("#connection", state="detached")
    assert page.evaluate("heard.length") == 1


def test_retry_after_is_respected_by_now_and_in_all_tabs(site: FakeSite, open_tab: OpenTab) -> None:
    first, second = open_tab(), open_tab()
    first.wait_for_timeout(1500)
    refused_at: list[float] = []

    def refuse(asked: Asked) -> Answer:
        refused_at.append(asked.at)
        return as_json({}, 429, Retry_After="4")

    site.poll = refuse
    until(lambda: refused_at, first)
    site.poll = site.poll_truthfully
    first.evaluate("Microblog.poll.now()")
    second.evaluate("Microblog.poll.now()")
    first.wait_for_timeout(5500)
    after = [asked.at for asked in site.polls() if asked.at > refused_at[-1]]
    assert len(refused_at) == 1
    assert after[0] - refused_at[0] >= 3.5
