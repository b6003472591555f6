"""Nothing that is being written is lost, sent twice, or sent by the Enter that ends a word."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from .conftest import hide, until
from .fake_site import Answer, Asked, FakeSite, as_json
from .test_writing import Ben

pytestmark = pytest.mark.e2e
OpenTab = Callable[..., Page]


CHOICES = (
    '<select name="visibility"><option selected value="followers">Followers</option>'
    '<option value="members">All members</option></select>'
    '<details><summary>Warning</summary><input name="warning"></details>'
)


def composer(text: str = "", key: str = "key-1", choices: str = "") -> str:
    """Render the composer with a draft in it."""
    return (
        '<form data-composer data-draft-url="/post/draft" method="post" action="/post">'
        f'<textarea name="post" data-max="30">{text}</textarea><input type="hidden" name="form_key" value="{key}">'
        '<select name="language"><option value="en">English</option><option value="es">Spanish</option></select>'
        f"{choices}"
        '<span data-counter>30</span><button type="submit">Post</button></form>'
    )


class Desk:
    """A server that keeps drafts and takes posts."""

    def __init__(self, site: FakeSite) -> None:
        self.site = site
        self.saved: list[dict[str, str]] = []
        self.sent: list[str] = []
        self.draft = {"text": "", "language": "en", "form_key": "key-1"}
        self.answer: Answer = as_json({"saved": True, "form_key": "key-1"})
        site.content = composer()
        site.routes |= {"/post/draft": self.keep, "/post": self.take}

    def keep(self, asked: Asked) -> Answer:
        """Keep a draft, or answer with it."""
        if asked.method == "GET":
            return as_json(self.draft)
        self.saved.append(asked.form)
        return self.answer

    def take(self, asked: Asked) -> Answer:
        """Publish."""
        self.sent.append(asked.body)
        return Answer("", 303, headers={"Location": "/"})


SAFARI = """box => {
    box.dispatchEvent(new CompositionEvent("compositionend", { bubbles: true, data: "日本" }));
    const enter = new KeyboardEvent("keydown", { key: "Enter", keyCode: 229, bubbles: true, cancelable: true });
    box.dispatchEvent(enter);
}"""


def test_enter_that_ends_ime_composition_in_safari_sends_no_message(site: FakeSite, open_tab: OpenTab) -> None:
    ben = Ben(site)
    page = open_tab()
    page.fill("textarea", "日本")
    page.locator("textarea").evaluate(SAFARI)
    page.wait_for_timeout(200)
    assert ben.sent == []
    assert page.input_value("textarea") == "日本"
    page.keyboard.press("Enter")
    expect(page.get_by_text("mine", exact=True)).to_be_visible()


def test_draft_sent_in_one_tab_is_cleared_in_the_other(site: FakeSite, open_tab: OpenTab) -> None:
    ben = Ben(site)
    site.content = site.content.replace("<form data-message-form", '<form data-draft-url="/draft" data-message-form')
    site.routes["/draft"] = lambda asked: as_json({"text": ""})
    one, two, other = open_tab(), open_tab(), open_tab()
    one.fill("textarea", "the same")
    two.fill("textarea", "the same")
    other.fill("textarea", "something else")
    two.get_by_role("button", name="Send").click()
    expect(one.locator("textarea")).to_have_value("")
    assert other.input_value("textarea") == "something else"
    assert len(ben.sent) == 1


def test_post_draft_is_saved_while_typing(site: FakeSite, open_tab: OpenTab) -> None:
    desk = Desk(site)
    page = open_tab()
    page.fill("textarea", "half a thought")
    page.select_option("select", "es")
    until(lambda: desk.saved, page)
    assert desk.saved[-1] == {"post": "half a thought", "language": "es", "form_key": "key-1"}
    page.fill("textarea", "half a thought, and")
    page.goto("about:blank")
    until(lambda: desk.saved[-1]["post"] == "half a thought, and", page)


def test_draft_from_another_device_is_loaded_when_the_page_is_shown(site: FakeSite, open_tab: OpenTab) -> None:
    desk = Desk(site)
    page = open_tab()
    desk.draft = {"text": "from my phone", "language": "es", "form_key": "key-phone"}
    hide(page)
    hide(page, False)
    expect(page.locator("textarea")).to_have_value("from my phone")
    assert page.input_value("select") == "es"
    page.fill("textarea", "mine now")
    desk.draft = {"text": "", "language": "", "form_key": "key-new"}
    hide(page)
    hide(page, False)
    until(lambda: [one["form_key"] for one in desk.saved] == ["key-phone"], page)
    assert page.input_value("textarea") in {"", "mine now"}


def test_post_sent_in_one_tab_is_cleared_in_the_other(site: FakeSite, open_tab: OpenTab) -> None:
    desk = Desk(site)
    site.content = composer("the same")
    one, two = open_tab(), open_tab()
    site.content = composer()
    desk.draft = {"text": "", "language": "", "form_key": "key-2"}
    two.get_by_role("button").click()
    expect(one.locator("textarea")).to_have_value("")
    expect(one.locator("[name=form_key]")).to_have_value("key-2")
    assert len(desk.sent) == 1


def test_level_and_warning_of_a_sent_post_do_not_stay_in_the_other_tab(site: FakeSite, open_tab: OpenTab) -> None:
    desk = Desk(site)
    desk.draft |= {"text": "the same", "visibility": "members", "warning": "Whales"}
    site.content = composer("the same", choices=CHOICES)
    one = open_tab()
    hide(one)
    hide(one, hidden=False)
    expect(one.locator("[name=visibility]")).to_have_value("members")
    expect(one.locator("[name=warning]")).to_have_value("Whales")
    two = open_tab()
    site.content = composer(choices=CHOICES)
    desk.draft = {"text": "", "language": "", "visibility": "followers", "warning": "", "form_key": "key-2"}
    two.get_by_role("button").click()
    expect(one.locator("[name=form_key]")).to_have_value("key-2")
    expect(one.locator("[name=visibility]")).to_have_value("followers")
    expect(one.locator("[name=warning]")).to_have_value("")


def test_form_sent_in_another_tab_gets_a_new_form_key(site: FakeSite, open_tab: OpenTab) -> None:
    desk = Desk(site)
    desk.answer = as_json({"saved": False, "form_key": "key-2"})
    page = open_tab()
    page.fill("textarea", "another")
    until(lambda: desk.saved, page)
    desk.answer = as_json({"saved": True, "form_key": "key-2"})
    until(lambda: desk.saved[-1]["form_key"] == "key-2", page)
    assert page.input_value("textarea") == "another"


def test_control_enter_posts_and_enter_alone_does_not(site: FakeSite, open_tab: OpenTab) -> None:
    desk = Desk(site)
    page = open_tab()
    page.focus("textarea")
    page.keyboard.type("one")
    page.keyboard.press("Enter")
    page.keyboard.type("two")
    assert desk.sent == []
    with page.expect_navigation():
        page.keyboard.press("Control+Enter")
    assert "one\r\ntwo" in desk.sent[0]


def test_enter_in_the_warning_goes_to_the_text_and_a_warning_stays_in_sight(site: FakeSite, open_tab: OpenTab) -> None:
    desk = Desk(site)
    site.content = composer(choices=CHOICES)
    page = open_tab()
    page.fill("textarea", "one")
    page.locator("summary").click()
    page.fill("[name=warning]", "Whales")
    page.press("[name=warning]", "Enter")
    expect(page.locator("textarea")).to_be_focused()
    assert desk.sent == []
    page.locator("summary").click()
    expect(page.locator("[name=warning]")).to_be_visible()
    page.fill("[name=warning]", "")
    page.locator("summary").click()
    expect(page.locator("[name=warning]")).not_to_be_visible()


def test_overlong_post_cannot_be_sent(site: FakeSite, open_tab: OpenTab) -> None:
    desk = Desk(site)
    page = open_tab()
    button = page.get_by_role("button")
    page.fill("textarea", "x" * 31)
    expect(button).to_be_disabled()
    page.keyboard.press("Control+Enter")
    page.wait_for_timeout(200)
    assert desk.sent == []
    page.fill("textarea", "x" * 30)
    expect(button).to_be_enabled()
