"""The composer and the open conversation."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from .conftest import hide, until
from .fake_site import Answer, Asked, FakeSite, note

pytestmark = pytest.mark.e2e
OpenTab = Callable[..., Page]
COMPOSER = (
    '<a data-write href="/#write">Write</a><form data-composer method="post" action="/post">'
    '<textarea name="post" data-max="10" rows="2"></textarea><span data-counter>10</span>'
    '<button type="submit" name="submit">Post</button></form>'
)


def thread(messages: list[tuple[int, str]], after: int = 0, divider: int = 0) -> str:
    """Render bubbles; odd numbers are mine."""
    return "".join(
        ("<p data-new-divider>New</p>" if seq == divider else "")
        + f'<div data-seq="{seq}" class="bubble {"mine" if seq % 2 else "theirs"}"><br><br>{text}</div>'
        for seq, text in messages
        if seq > after
    )


def conversation(messages: list[tuple[int, str]], form: str = "", divider: int = 0, text: str = "") -> str:
    """Render a conversation with Ben."""
    return (
        f'<div data-conversation data-with="ben" data-newest-seq="{messages[-1][0]}" data-fragment-url="/messages/ben"'
        f' data-read-url="/messages/ben/read" role="log">{thread(messages, divider=divider)}</div>'
        '<form data-message-form method="post" action="/send_message/ben">'
        f'<input type="hidden" name="form_key" value="key-{messages[-1][0]}">'
        f'<input type="hidden" name="read_upto"><textarea name="message">{text}</textarea>'
        f'{form}<button name="submit">Send</button></form>'
    )


class Ben:
    """A conversation with Ben on the fake site."""

    def __init__(self, site: FakeSite, count: int = 2) -> None:
        self.site = site
        self.messages = [(seq, f"message {seq}") for seq in range(1, count + 1)]
        self.read: list[int] = []
        self.sent: list[str] = []
        site.content = conversation(self.messages)
        site.routes |= {
            "/messages/ben": lambda asked: Answer(thread(self.messages, int(asked.query["after"]))),
            "/messages/ben/read": self._mark,
            "/send_message/ben": self.receive,
        }

    def _mark(self, asked: Asked) -> Answer:
        self.read.append(int(asked.form["seq"]))
        return Answer("", 204)

    def receive(self, asked: Asked) -> Answer:
        """Store what I send and answer with the conversation, as after the redirect."""
        self.messages.append((self.messages[-1][0] // 2 * 2 + 1, "mine"))
        self.sent.append(asked.body)
        return Answer(self.site.page(conversation(self.messages)))

    def writes(self, timestamp: float) -> None:
        """Let Ben write a message, told by the poll."""
        seq = self.messages[-1][0] // 2 * 2 + 2
        self.messages.append((seq, f"news {seq}"))
        self.site.notifications = [note("conversation", {"with": "ben", "last_message_id": seq}, timestamp)]


def test_messages_on_screen_are_marked_read(site: FakeSite, open_tab: OpenTab) -> None:
    ben = Ben(site)
    page = open_tab()
    until(lambda: ben.read == [2], page)
    marked = next(asked for asked in site.asked if asked.path == "/messages/ben/read")
    assert marked.method == "POST"
    assert marked.headers["X-CSRFToken"] == "token-1"


def test_messages_never_on_screen_stay_unread(site: FakeSite, open_tab: OpenTab) -> None:
    ben = Ben(site, 60)
    site.content = conversation(ben.messages, divider=20)
    page = open_tab()
    until(lambda: ben.read, page)
    assert 20 <= ben.read[-1] < 40
    page.mouse.wheel(0, 100_000)
    until(lambda: ben.read[-1] == 60, page)


def test_new_message_is_shown_and_marked_read_only_in_a_visible_tab(site: FakeSite, open_tab: OpenTab) -> None:
    ben = Ben(site)
    page = open_tab()
    until(lambda: ben.read == [2], page)
    page.fill("textarea", "half a th")
    ben.writes(200.0)
    expect(page.get_by_text("news 4")).to_be_visible()
    until(lambda: ben.read == [2, 4], page)
    assert page.input_value("textarea") == "half a th"
    assert page.evaluate("document.activeElement.name") == "message"
    other = open_tab()  # it leads while the first is hidden
    hide(page)
    ben.read.clear()
    other.evaluate("() => document.querySelector('[data-conversation]').remove()")
    other.wait_for_timeout(700)
    ben.read.clear()
    ben.writes(300.0)
    page.wait_for_timeout(2500)
    assert ben.read == []
    hide(page, False)
    expect(page.get_by_text("news 6")).to_be_visible()
    until(lambda: ben.read == [6], page)


def test_new_message_does_not_scroll_a_reader_of_older_messages(site: FakeSite, open_tab: OpenTab) -> None:
    ben = Ben(site, 60)
    page = open_tab()
    until(lambda: ben.read == [60], page)
    page.evaluate("window.scrollTo(0, 0)")
    page.wait_for_timeout(300)
    ben.writes(200.0)
    button = page.get_by_role("button", name="New messages")
    expect(button).to_be_visible()
    assert page.evaluate("window.scrollY") == 0
    assert ben.read == [60]
    button.press("Enter")  # Playwright's click scrolls first, and near the end the button hides itself
    until(lambda: ben.read == [60, 62], page)
    expect(button).to_be_hidden()


def test_enter_sends_and_shift_enter_does_not(site: FakeSite, open_tab: OpenTab) -> None:
    ben = Ben(site)
    page = open_tab()
    until(lambda: ben.read, page)
    page.focus("textarea")
    page.keyboard.type("one")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("two")
    page.keyboard.press("Enter")
    expect(page.get_by_text("mine", exact=True)).to_be_visible()
    assert page.input_value("textarea") == ""
    assert page.input_value("[name=form_key]") == "key-3"
    assert len(ben.sent) == 1
    assert re.search(r'name="read_upto"\s+2\s', ben.sent[0])  # what was on the screen when I answered


def test_failed_message_keeps_its_text_and_form_key(site: FakeSite, open_tab: OpenTab, context: BrowserContext) -> None:
    ben = Ben(site)
    page = open_tab()
    site.routes["/send_message/ben"] = lambda asked: Answer("busy", 503)
    page.fill("textarea", "precious")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("alert")).to_contain_text("Couldn't send. Your text is still here. Please try again.")
    assert page.input_value("textarea") == "precious"
    assert page.input_value("[name=form_key]") == "key-2"
    context.set_offline(True)
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("alert")).to_be_visible()
    context.set_offline(False)
    refused = '<p class="invalid-feedback">Ben takes no messages.</p>'
    site.routes["/send_message/ben"] = lambda asked: Answer(
        site.page(conversation(ben.messages, refused, text="precious")), 422
    )
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("alert")).to_have_text("Ben takes no messages.")
    assert page.input_value("textarea") == "precious"
    site.routes["/send_message/ben"] = ben.receive
    page.get_by_role("button", name="Send").click()
    expect(page.locator("textarea")).to_have_value("")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_counter_counts_characters_as_the_server_does(site: FakeSite, open_tab: OpenTab) -> None:
    site.content = COMPOSER
    page = open_tab()
    page.fill("textarea", "👩‍👩‍👧‍👦e\u0301")
    expect(page.locator("[data-counter]")).to_have_text("8")
    page.fill("textarea", "twelve chars")
    expect(page.locator("[data-counter]")).to_have_text("-2")
    assert page.evaluate("document.querySelector('textarea').validationMessage") == "2 characters over the limit"
    expect(page.locator("#live")).to_have_text("2 characters over the limit")


def test_textarea_grows_with_the_text(site: FakeSite, open_tab: OpenTab) -> None:
    site.content = COMPOSER
    page = open_tab()
    before = page.locator("textarea").bounding_box()
    page.fill("textarea", "1\n2\n3\n4\n5")
    after = page.locator("textarea").bounding_box()
    assert before is not None and after is not None
    assert after["height"] > before["height"]


def test_write_button_focuses_the_composer_here_or_on_the_next_page(site: FakeSite, open_tab: OpenTab) -> None:
    site.content = COMPOSER
    page = open_tab()
    page.click("[data-write]")
    assert page.evaluate("document.activeElement.name") == "post"
    page = open_tab("/#write")
    assert page.evaluate("document.activeElement.name") == "post"


def test_post_is_sent_once_and_kept_if_sending_fails(site: FakeSite, open_tab: OpenTab) -> None:
    site.content = COMPOSER
    posted: list[Asked] = []

    def busy(asked: Asked) -> Answer:
        posted.append(asked)
        return Answer("busy", 503)

    site.routes["/post"] = busy
    page = open_tab()
    page.fill("textarea", "my text")
    page.evaluate("() => { const b = document.querySelector('button'); b.click(); b.click(); }")
    expect(page.get_by_role("alert")).to_be_visible()
    assert len(posted) == 1
    assert page.input_value("textarea") == "my text"
    site.routes["/post"] = lambda asked: Answer("", 303, headers={"Location": "/"})
    page.get_by_role("button").click()
    expect(page.locator("textarea")).to_have_value("")


def test_rejected_post_shows_the_servers_error_page(site: FakeSite, open_tab: OpenTab) -> None:
    site.content = COMPOSER
    site.routes["/post"] = lambda asked: Answer("<p>No such language.</p>", 422)
    page = open_tab()
    page.fill("textarea", "my text")
    page.get_by_role("button").click()
    expect(page.get_by_text("No such language.")).to_be_visible()
