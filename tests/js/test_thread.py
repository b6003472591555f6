"""An open conversation: what changes in it, and telling that it was heard of."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from .conftest import until
from .fake_site import Answer, Asked, FakeSite, note

pytestmark = pytest.mark.e2e
OpenTab = Callable[..., Page]


def bubble(seq: int, text: str, state: str = "sent") -> str:
    """Render a bubble of mine."""
    icon = '<svg class="bi"><use href="/icons.svg#check2"></use></svg>'
    mark = f'<span data-state="{state}">{icon}<span class="state-label">{state}</span></span>'
    return f'<div data-seq="{seq}" class="bubble mine"><div class="text">{text}</div>{mark}</div>'


def thread(*bubbles: str) -> str:
    """Render a conversation of a group."""
    return (
        '<div class="thread" data-conversation data-with="" data-group="5" data-newest-seq="2"'
        ' data-last-message-id="12" data-revision="1" data-fragment-url="/new" data-read-url="/read">'
        f'<div data-day="2026-01-31">Saturday</div>{"".join(bubbles)}</div>'
    )


def group_notification(timestamp: float, **state: object) -> dict[str, object]:
    """Build what a poll tells of that group."""
    whole = {"with": "", "group": 5, "last_message_id": 12, "revision": 1, "delivered": 0, "read": 0, **state}
    return note("conversation", whole, timestamp)


def test_message_states_are_updated_without_a_request(site: FakeSite, open_tab: OpenTab) -> None:
    site.content = thread(bubble(1, "one"), bubble(2, "two"))
    page = open_tab()
    states = page.locator("[data-state]")
    site.notifications = [group_notification(200.0, delivered=2, read=1)]
    expect(states.nth(0)).to_have_attribute("data-state", "read")
    expect(states.nth(1)).to_have_text("Delivered")
    site.notifications = [group_notification(300.0)]  # somebody shows it no more
    expect(states.nth(0)).to_have_attribute("data-state", "sent")
    assert "/new" not in [asked.path for asked in site.asked]


def test_changed_messages_are_replaced_in_place(site: FakeSite, open_tab: OpenTab) -> None:
    site.content = thread(bubble(1, "one"), bubble(2, "two"))
    answered: list[Asked] = []

    def fragment(asked: Asked) -> Answer:
        answered.append(asked)
        day = '<div data-day="2026-01-31">Saturday</div>'
        changed = f'{bubble(1, "better", "read")}<div data-seq="2" data-gone></div>'
        return Answer(f'{day}{bubble(3, "three")}<template data-changed data-revision="4">{changed}</template>')

    site.routes["/new"] = fragment
    page = open_tab()
    site.notifications = [group_notification(200.0, last_message_id=13, revision=4, read=1, delivered=1)]
    expect(page.locator(".text")).to_have_text(["better", "three"])
    expect(page.locator("[data-day]")).to_have_count(1)
    assert answered[0].query == {"after": "2", "revision": "1", "first": "1"}
    site.notifications = [group_notification(300.0, last_message_id=13, revision=4, read=3, delivered=3)]
    expect(page.locator("[data-state]").last).to_have_attribute("data-state", "read")
    assert len(answered) == 1


def test_delivery_is_reported_once_per_browser_and_only_for_new_messages(site: FakeSite, open_tab: OpenTab) -> None:
    heard: list[str] = []

    def listen(asked: Asked) -> Answer:
        heard.append(asked.form["timestamp"])
        return Answer("", 204)

    site.routes["/delivered"] = listen
    site.body_attributes["data-delivered-url"] = "/delivered"
    site.content = '<span data-badge="unread_message_count" data-count="1">1</span>'
    page = open_tab()
    until(lambda: heard == ["100.000001"], page)  # the page was born with an unread message
    second = open_tab()
    site.notifications = [group_notification(200.5, last_message_id=13)]
    until(lambda: len(heard) > 1, page)
    site.notifications = [group_notification(300.5, last_message_id=13, read=2)]  # a mark moved
    second.wait_for_timeout(2500)
    assert heard == ["100.000001", "200.5"]


def test_collapsed_message_of_a_blocked_member_is_not_read_aloud(site: FakeSite, open_tab: OpenTab) -> None:
    site.content = thread(bubble(1, "one"), bubble(2, "two")) + '<div data-read-out aria-live="polite"></div>'
    summary, words = "<summary>Message from someone you blocked</summary>", '<div class="text">You again</div>'
    folded = f'<details class="collapsed">{summary}{words}</details>'
    theirs = f'<div data-seq="3" class="bubble theirs"><div data-by>Ben</div>{folded}</div>'
    site.routes["/new"] = lambda asked: Answer(theirs)
    page = open_tab()
    site.notifications = [group_notification(200.0, last_message_id=13)]
    expect(page.locator("[data-read-out]")).to_have_text("Ben Message from someone you blocked")
