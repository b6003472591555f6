"""@names and #tags complete while one types."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from .conftest import until
from .fake_site import Answer, Asked, FakeSite, as_json
from .test_writing import Ben

pytestmark = pytest.mark.e2e
OpenTab = Callable[..., Page]
PEOPLE = [{"text": "@ana", "name": "Ana", "avatar": "/a.svg"}, {"text": "@andy", "name": "Andy", "avatar": "/a.svg"}]
TAGS = [{"text": "#tide"}, {"text": "#tidepool"}]


@pytest.fixture
def page(site: FakeSite, open_tab: OpenTab) -> Page:
    """A composer that completes."""

    def suggest(asked: Asked) -> Answer:
        kind = PEOPLE if asked.query["in"] == "people" else TAGS
        return as_json([one for one in kind if one["text"][1:].startswith(asked.query.get("q", ""))])

    site.routes |= {"/suggestions": suggest, "/a.svg": lambda asked: Answer("", 404)}
    site.content = (
        '<form data-composer data-complete-url="/suggestions" data-complete-signs="@#" method="post" action="/post">'
        '<textarea name="post" rows="5"></textarea><button type="submit">Post</button></form>'
    )
    page = open_tab()
    page.focus("textarea")
    return page


def test_name_can_be_completed_with_the_keyboard(page: Page) -> None:
    box = page.locator("textarea")
    page.keyboard.type("Hello @an")
    expect(page.get_by_role("option")).to_have_count(2)
    expect(page.get_by_role("combobox")).to_have_attribute("aria-expanded", "true")
    expect(page.get_by_role("option", selected=True)).to_contain_text("@ana")
    expect(page.locator("#live")).to_have_text("2 suggestions")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("option", selected=True)).to_contain_text("@andy")
    active = box.get_attribute("aria-activedescendant")
    assert page.locator(f"#{active}").inner_text().split() == ["Andy", "@andy"]
    page.keyboard.press("Enter")
    expect(box).to_have_value("Hello @andy ")
    expect(page.get_by_role("listbox")).to_have_count(0)
    assert box.get_attribute("role") is None
    page.keyboard.type("and")
    expect(box).to_have_value("Hello @andy and")


def test_escape_closes_the_suggestions_for_the_current_name(page: Page) -> None:
    page.keyboard.type("@an")
    expect(page.get_by_role("listbox")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("listbox")).to_have_count(0)
    page.keyboard.type("d")
    page.wait_for_timeout(400)
    expect(page.get_by_role("listbox")).to_have_count(0)
    page.keyboard.press("Enter")
    expect(page.locator("textarea")).to_have_value("@and\n")
    page.keyboard.type("@an")
    expect(page.get_by_role("listbox")).to_be_visible()


def test_new_tag_is_not_replaced_by_a_suggestion(page: Page) -> None:
    page.keyboard.type("#tid")
    expect(page.get_by_role("option")).to_have_count(2)
    expect(page.get_by_role("option", selected=True)).to_have_count(0)
    page.keyboard.press("Enter")
    expect(page.locator("textarea")).to_have_value("#tid\n")
    page.keyboard.type("#tid")
    expect(page.get_by_role("option")).to_have_count(2)
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Tab")
    expect(page.locator("textarea")).to_have_value("#tid\n#tidepool ")


def test_clicked_suggestion_is_inserted_and_the_textarea_keeps_focus(page: Page) -> None:
    page.keyboard.type("谢谢@an, see")
    for _ in ", see":
        page.keyboard.press("ArrowLeft")
    page.get_by_role("option").filter(has_text="@andy").click()
    expect(page.locator("textarea")).to_have_value("谢谢@andy , see")
    assert page.evaluate("document.activeElement.name") == "post"


@pytest.mark.parametrize("text", ["ana@an", "https://x.example/@an", "@@an", "x#tid", "an", "@an "])
def test_text_without_mention_or_tag_requests_no_suggestions(page: Page, site: FakeSite, text: str) -> None:
    page.keyboard.type(text)
    page.wait_for_timeout(400)
    last = [asked.query for asked in site.asked if asked.path == "/suggestions"]
    expect(page.get_by_role("listbox")).to_have_count(0)
    assert last == [] or text == "@an "


def test_ime_composition_keys_do_not_select_a_suggestion(page: Page, site: FakeSite) -> None:
    page.keyboard.type("@an")
    expect(page.get_by_role("listbox")).to_be_visible()
    for init in ("isComposing: true", "keyCode: 229"):
        page.evaluate(
            "document.querySelector('textarea').dispatchEvent(new KeyboardEvent('keydown',"
            f" {{ key: 'Enter', {init}, bubbles: true, cancelable: true }}))"
        )
    expect(page.locator("textarea")).to_have_value("@an")


def test_suggestion_list_stays_within_the_screen(page: Page) -> None:
    for lines, direction in ((1, "ltr"), (4, "rtl"), (30, "ltr")):
        page.evaluate("dir => document.documentElement.dir = dir", direction)
        page.fill("textarea", "\n" * lines)
        page.keyboard.press("End")
        page.keyboard.type("@an")
        box = page.get_by_role("listbox").bounding_box()
        screen = page.evaluate("[innerWidth, innerHeight]")
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= screen[0]
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= screen[1]


def test_enter_completes_a_name_before_it_sends_a_message(site: FakeSite, open_tab: OpenTab) -> None:
    ben = Ben(site)
    attributes = '<form data-complete-url="/suggestions" data-complete-signs="@" data-message-form'
    site.content = site.content.replace("<form data-message-form", attributes)
    site.routes |= {"/suggestions": lambda asked: as_json(PEOPLE[:1]), "/a.svg": lambda asked: Answer("", 404)}
    page = open_tab()
    page.focus("textarea")
    page.keyboard.type("#an @an")
    expect(page.get_by_role("listbox")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator("textarea")).to_have_value("#an @ana ")
    assert ben.sent == []
    page.keyboard.press("Enter")
    until(lambda: len(ben.sent) == 1, page)
    assert re.search(r"#an @ana", ben.sent[0])
