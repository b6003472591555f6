"""The list of conversations, the tray and the composer, in real browsers."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import Person

pytestmark = pytest.mark.e2e
MakePerson = Callable[..., Person]


def begin(writer: Person, to: str, text: str) -> None:
    """Write the first message from the composer, taking the first suggestion with the keyboard."""
    writer.goto("/messages/write")
    field = writer.page.get_by_role("combobox")
    field.press_sequentially(to)
    expect(writer.page.get_by_role("option").first).to_contain_text(f"@{to}")
    field.press("ArrowDown")
    field.press("Enter")
    expect(writer.page.get_by_role("button", name=f"Remove {to}")).to_be_visible()
    writer.page.get_by_label("Message", exact=True).fill(text)
    writer.page.get_by_role("button", name="Send").click()
    expect(writer.page.locator(".bubble.mine", has_text=text)).to_be_visible()


def row(page: Page, name: str) -> Locator:
    return page.locator("[data-row]", has_text=name)


def requests_tab(page: Page) -> Locator:
    return page.locator('[data-inbox-part="requests"]')


def test_inbox_and_requests_are_updated_live(sized: MakePerson) -> None:
    olga, petra = sized("olga"), sized("petra")
    olga.goto("/messages")
    expect(olga.page.get_by_text("No conversations yet")).to_be_visible()

    begin(petra, olga.name, "Is the boat for sale?")
    expect(requests_tab(olga.page)).to_contain_text("1")
    expect(olga.page.get_by_text("No conversations yet")).to_be_visible()
    expect(olga.page.locator('[data-badge="unread_message_count"]')).to_be_hidden()

    requests_tab(olga.page).click()
    expect(row(olga.page, petra.name)).to_contain_text("Is the boat for sale?")
    olga.page.get_by_role("link", name="Read request: Is the boat").click()
    expect(olga.page.get_by_text("Is the boat for sale?")).to_be_visible()
    olga.page.locator(".request-bar").get_by_role("button", name="Accept").click()
    expect(olga.page.locator(".request-bar")).to_have_count(0)
    expect(requests_tab(olga.page)).to_have_count(0)

    olga.goto("/messages")
    expect(row(olga.page, petra.name)).to_be_visible()
    petra.submit(".reply", message="It has new sails")
    expect(row(olga.page, petra.name)).to_contain_text("It has new sails")
    expect(row(olga.page, petra.name)).to_contain_text("unread message")
    assert olga.page.url.endswith("/messages")


def test_declining_a_request_is_silent(person: MakePerson) -> None:
    quinn, rosa = person("quinn"), person("rosa")
    begin(rosa, "quinn", "Buy my coins")
    quinn.goto("/messages/requests")
    row(quinn.page, "rosa").get_by_role("button", name="Decline").click()
    expect(quinn.page.get_by_text("No requests")).to_be_visible()
    rosa.page.reload()
    expect(rosa.page.locator(".bubble.mine", has_text="Buy my coins")).to_be_visible()
    expect(rosa.page.locator("body")).not_to_contain_text("declined")
    quinn.page.get_by_role("link", name="Declined requests").click()
    row(quinn.page, "rosa").get_by_role("button", name="Accept").click()
    expect(quinn.page.get_by_text("Buy my coins")).to_be_visible()


def test_incoming_row_moves_neither_focus_nor_scroll_position(person: MakePerson) -> None:
    sven, tove, ulla = person("sven"), person("tove"), person("ulla")
    for other in (tove, ulla):
        sven.goto(f"/messages/{other.name}")
        sven.submit(".reply", message="hello")
        expect(sven.page.locator(".bubble.mine")).to_be_visible()
        other.goto("/messages/sven")
        other.submit(".reply", message=f"from {other.name}")
        expect(other.page.locator(".bubble.mine")).to_be_visible()
    sven.page.set_viewport_size({"width": 390, "height": 420})
    sven.goto("/messages")
    below = row(sven.page, "tove")
    expect(row(sven.page, "ulla")).to_be_visible()
    below.get_by_role("link").focus()
    sven.page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    tove.submit(".reply", message="once more")
    expect(below).to_contain_text("once more")
    expect(below.get_by_role("link")).to_be_focused()
    assert sven.page.locator("[data-row]").first.get_attribute("data-row") == below.get_attribute("data-row")


def test_recipients_can_be_chosen_with_the_keyboard(person: MakePerson) -> None:
    vera = person("vera")
    for name in ("wanda", "walter"):
        person(name)
    vera.goto("/messages/write")
    field = vera.page.get_by_role("combobox")
    options = vera.page.get_by_role("option")
    field.press_sequentially("wa")
    expect(options).to_have_count(2)
    expect(field).to_have_attribute("aria-expanded", "true")
    expect(vera.page.locator("#live")).to_have_text("2 suggestions")
    field.press("ArrowDown")
    field.press("ArrowDown")
    expect(options.nth(1)).to_have_attribute("aria-selected", "true")
    assert field.get_attribute("aria-activedescendant") == options.nth(1).get_attribute("id")
    field.press("ArrowDown")
    expect(options.nth(0)).to_have_attribute("aria-selected", "true")  # around
    field.press("Escape")
    expect(options).to_have_count(0)
    expect(field).to_have_attribute("aria-expanded", "false")
    expect(field).to_have_value("wa")
    field.press_sequentially("l")
    expect(options).to_have_count(1)
    field.press("Enter")
    expect(vera.page.get_by_role("button", name="Remove walter")).to_be_visible()
    expect(field).to_have_value("")
    expect(field).to_be_focused()
    expect(vera.page.get_by_text("walter doesn't follow you")).to_be_visible()
    expect(vera.page.get_by_label("Group name")).to_be_hidden()
    field.press_sequentially("wanda")
    expect(options).to_have_count(1)
    field.press("ArrowDown")
    field.press("Tab")
    expect(vera.page.get_by_label("Group name")).to_be_visible()
    field.focus()
    field.press("Backspace")
    expect(vera.page.locator(".chip")).to_have_count(1)
    field.press_sequentially("wanda")
    vera.page.get_by_label("Message", exact=True).fill("Both of you")
    vera.page.get_by_role("button", name="Send").click()
    expect(vera.page.locator(".bubble.mine", has_text="Both of you")).to_be_visible()
    assert "/messages/thread/" in vera.page.url  # the name that was only typed counts, too


def test_message_composer_works_without_javascript(person: MakePerson, site, browser) -> None:
    xenia, yuri = person("xenia"), person("yuri")
    context = browser.new_context(java_script_enabled=False, storage_state=xenia.context.storage_state())
    page = context.new_page()
    page.goto(f"{site.url}/messages/write")
    page.fill("[name=to]", "@yuri, nobodi")
    page.fill("[name=message]", "Without scripts")
    page.click("main form.new-message [type=submit]")
    expect(page.get_by_text("No user named @nobodi.")).to_be_visible()
    expect(page.locator("[name=message]")).to_have_value("Without scripts")
    page.fill("[name=to]", "yuri")
    page.click("main form.new-message [type=submit]")
    expect(page.locator(".bubble.mine", has_text="Without scripts")).to_be_visible()
    context.close()
    yuri.goto("/messages/requests")
    expect(row(yuri.page, "xenia")).to_contain_text("Without scripts")
