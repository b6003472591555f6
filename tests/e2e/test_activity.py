"""Activity in real browsers, on the real thing: read by being seen, and new things offered without a jump."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Person

pytestmark = pytest.mark.e2e
BADGE = "[data-badge=unread_activity_count]"


def test_mention_is_shown_and_the_next_one_is_offered(person: Callable[..., Person]) -> None:
    dora, emil = person("dora"), person("emil")
    emil.submit("form[data-composer]", post="Good morning, @dora")
    badge = dora.page.locator(BADGE)
    expect(badge).to_have_text("1 1 unread in Activity")

    dora.goto("/activity")
    expect(dora.page.locator(".event.is-unread")).to_contain_text("emil mentioned you")
    expect(badge).to_be_hidden()  # it was on the screen
    other_tab = dora.tab("/explore")
    expect(other_tab.locator(BADGE)).to_be_hidden()

    first = dora.page.locator(".event").first
    before = first.bounding_box()
    dora.page.bring_to_front()
    emil.goto("/")
    emil.submit("form[data-composer]", post="And once more, @dora")
    more = dora.page.get_by_role("button", name="Show new activity")
    expect(more).to_be_visible()
    assert first.bounding_box() == before
    more.click()
    expect(dora.page.locator(".event[data-kind=mention]")).to_have_count(2)
    expect(dora.page.locator(".event").first).to_contain_text("And once more, @dora")


def test_grouped_row_lists_everyone_and_explains_itself(person: Callable[..., Person]) -> None:
    fred = person("fred")
    for name in ("gina", "hans", "ines"):
        fan = person(name)
        fan.goto("/user/fred")
        fan.page.get_by_role("button", name="Follow fred").first.click()
        expect(fan.page.get_by_role("button", name="Unfollow fred").first).to_be_visible()
    fred.goto("/activity")
    row = fred.page.locator(".event[data-kind=follow]")
    expect(row).to_contain_text("ines and 2 others followed you")
    row.get_by_text("Show everyone").click()
    for name in ("gina", "hans", "ines"):
        expect(row.locator(".all-people").get_by_role("link", name=name)).to_be_visible()
    row.get_by_label("Why am I seeing this?").click()
    expect(row).to_contain_text("You get these when someone follows you.")
