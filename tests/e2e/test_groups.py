"""A group of three: begun in the composer, live for everybody, at 390 px and without scripts, too."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import PHONE, Person

pytestmark = pytest.mark.e2e


def test_three_members_chat_in_a_group(person: Callable[..., Person]) -> None:
    iris, jon = person("iris"), person("jon", viewport=PHONE)
    plain = person("kai", java_script_enabled=False)
    for one in (jon, plain):
        one.knows(iris)
    jon.goto("/explore")

    iris.goto("/messages/write?to=jon%20kai")
    iris.submit(".new-message", name="Bakers", message="Who brings bread?")
    expect(iris.page.locator(".conversation h1")).to_contain_text("Bakers")
    expect(jon.page.locator('[data-badge="unread_message_count"]').first).to_contain_text("1")

    jon.page.goto(iris.page.url)
    expect(jon.page.get_by_text("Who brings bread?")).to_be_visible()
    jon.submit(".reply", message="Rolls from me")
    expect(iris.page.locator(".bubble.theirs", has_text="Rolls from me")).to_be_visible()
    assert jon.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]

    plain.page.goto(iris.page.url)
    expect(plain.page.get_by_text("Rolls from me")).to_be_visible()
    plain.page.get_by_role("link", name="3 people").click()
    plain.submit("form[action$='/name']", name="Night bakers")
    expect(plain.page.get_by_role("heading", name="Night bakers")).to_be_visible()
    expect(iris.page.get_by_text("kai named the group Night bakers.")).to_be_visible()

    jon.page.get_by_role("link", name="3 people").click()
    assert jon.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    jon.page.locator("summary", has_text="Leave group").click()
    jon.page.get_by_role("button", name="Leave group").click()
    expect(jon.page.get_by_text("You left the group.")).to_be_visible()
    expect(jon.page.get_by_text("Night bakers")).to_have_count(0)
    expect(iris.page.get_by_text("jon left.")).to_be_visible()
