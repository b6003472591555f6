"""Likes and bookmarks in real browsers: in place, undone by a second click, and without scripts."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import Person
from tests.e2e.test_look import examine

pytestmark = pytest.mark.e2e


def post_on(page: Page, text: str) -> Locator:
    """The post with this text."""
    return page.locator("article", has_text=text)


def button(post: Locator, name: str) -> Locator:
    """The button Like or Bookmark; the number of likes is part of its name."""
    return post.get_by_role("button", name=re.compile(f"^{name}"))


def publish(author: Person, text: str) -> None:
    """Publish a post, and wait until it is there."""
    author.submit("form[data-composer]", post=text)
    expect(post_on(author.page, text)).to_be_visible()


def test_like_and_bookmark_change_in_place(sized: Callable[[str], Person]) -> None:
    author, reader = sized("author"), sized("reader")
    text = f"A heron seen by {author.name}"
    publish(author, text)
    reader.goto("/explore")
    post = post_on(reader.page, text)
    like, save = button(post, "Like"), button(post, "Bookmark")
    expect(like).to_have_attribute("aria-pressed", "false")
    reader.page.evaluate("window.isSamePage = true")

    for one in (like, save):
        one.focus()
        reader.page.keyboard.press("Enter")
        expect(one).to_have_attribute("aria-pressed", "true")
        expect(one).to_be_focused()
    expect(like).to_have_accessible_name("Like 1")
    like.click()
    expect(like).to_have_accessible_name("Like")
    expect(like).to_have_attribute("aria-pressed", "false")
    like.dblclick()
    like.click()
    expect(like).to_have_accessible_name("Like 1")
    assert reader.page.evaluate("window.isSamePage")
    examine(reader.page, f"liked-{reader.name}", with_axe=True)
    reader.page.evaluate("document.documentElement.style.fontSize = '200%'")
    examine(reader.page, f"liked-large-{reader.name}", with_axe=False)

    for path in ("/likes", "/bookmarks"):
        reader.goto(path)
        expect(post_on(reader.page, text)).to_be_visible()
        examine(reader.page, f"{path[1:]}-{reader.name}", with_axe=True)
    author.goto("/activity")
    expect(author.page.locator(".event[data-kind=like]")).to_contain_text(f"{reader.name} liked your post")

    with reader.page.expect_response("**/unbookmark"):
        button(post_on(reader.page, text), "Bookmark").click()
    reader.page.reload()
    expect(reader.page.get_by_text("No bookmarks yet")).to_be_visible()
    examine(reader.page, f"no-bookmarks-{reader.name}", with_axe=True)


def test_failed_like_is_taken_back_and_explained(sized: Callable[[str], Person]) -> None:
    author, reader = sized("baker"), sized("buyer")
    text = f"Gone in a minute, says {author.name}"
    publish(author, text)
    reader.goto("/explore")
    post = post_on(reader.page, text)
    expect(post).to_be_visible()
    post_on(author.page, text).locator(".menu summary").first.click()
    author.page.get_by_text("Delete post").first.click()
    author.page.get_by_role("button", name="Delete", exact=True).first.click()
    expect(post_on(author.page, text)).to_have_count(0)

    like = button(post, "Like")
    like.click()
    expect(post.locator(".send-error")).to_be_visible()
    expect(like).to_have_attribute("aria-pressed", "false")
    reader.errors.clear()  # the browser logs the 404 itself


def test_buttons_work_without_scripts(person: Callable[..., Person]) -> None:
    author = person("otter")
    publish(author, "Plain forms")
    reader = person("plain", java_script_enabled=False)
    reader.goto("/explore")
    for name, number in (("Like", "Like 1"), ("Bookmark", "Bookmark")):
        button(post_on(reader.page, "Plain forms"), name).click()
        expect(button(post_on(reader.page, "Plain forms"), name)).to_have_attribute("aria-pressed", "true")
        expect(button(post_on(reader.page, "Plain forms"), name)).to_have_accessible_name(number)
        assert "/explore#post-" in reader.page.url
    button(post_on(reader.page, "Plain forms"), "Like").click()
    expect(button(post_on(reader.page, "Plain forms"), "Like")).to_have_accessible_name("Like")


def test_conversation_is_muted_in_place(sized: Callable[[str], Person]) -> None:
    author, reader = sized("writer"), sized("listener")
    text = f"A long story by {author.name}"
    publish(author, text)
    reader.goto("/explore")
    post = post_on(reader.page, text)
    reader.page.evaluate("window.isSamePage = true")
    post.locator(".menu summary").first.click()
    for name, answer in (("Mute this conversation", "mute"), ("Unmute this conversation", "unmute")):
        item = post.get_by_role("button", name=name)
        with reader.page.expect_response(f"**/{answer}"):
            item.click()
    expect(post.get_by_role("button", name="Mute this conversation")).to_be_visible()
    examine(reader.page, f"thread-menu-{reader.name}", with_axe=True)
    with reader.page.expect_response("**/mute"):
        post.get_by_role("button", name="Mute this conversation").click()
    assert reader.page.evaluate("window.isSamePage")
    reader.page.reload()
    expect(post.get_by_role("button", name="Unmute this conversation")).to_have_count(0)  # the menu is closed
    post.locator(".menu summary").first.click()
    expect(post.get_by_role("button", name="Unmute this conversation")).to_be_visible()


def test_post_is_taken_back_edited_in_two_tabs_and_redrafted(sized: Callable[[str], Person]) -> None:
    author = sized("editor")
    page, box = author.page, author.page.get_by_label("Your post", exact=True)
    publish(author, f"First toughts of {author.name}")
    examine(page, f"undo-{author.name}", with_axe=True)
    page.get_by_role("button", name="Undo").click()
    expect(box).to_have_value(f"First toughts of {author.name}")
    expect(post_on(page, author.name)).to_have_count(0)
    page.click("form[data-composer] [type=submit]:visible")

    post_on(page, author.name).locator(".menu summary").first.click()
    post_on(page, author.name).get_by_role("link", name="Edit post").click()
    expect(page.get_by_role("heading", name="Edit post")).to_be_visible()
    other = author.tab(page.url.removeprefix(author.site.url))
    box.fill(f"First thoughts of {author.name}")
    examine(page, f"edit-{author.name}", with_axe=True)
    page.get_by_role("button", name="Save").click()
    expect(post_on(page, "First thoughts")).to_be_visible()

    other.get_by_label("Your post", exact=True).fill(f"Second thoughts of {author.name}")
    other.get_by_role("button", name="Save").click()
    expect(other.get_by_text("edited in another tab")).to_be_visible()
    expect(other.get_by_label("Your post", exact=True)).to_have_value(f"Second thoughts of {author.name}")
    examine(other, f"edit-conflict-{author.name}", with_axe=True)
    author.errors.clear()  # the browser logs the 409 itself
    other.get_by_role("button", name="Save").click()
    expect(post_on(other, "Second thoughts")).to_be_visible()
    other.get_by_role("link", name="edited", exact=True).click()
    expect(other.locator("ins")).to_have_text(["Second", "thoughts"])
    examine(other, f"history-{author.name}", with_axe=True)
    other.emulate_media(color_scheme="dark")
    examine(other, f"history-dark-{author.name}", with_axe=True)

    author.goto("/")
    post_on(page, "Second thoughts").locator(".menu summary").first.click()
    page.get_by_text("Delete post").first.click()
    examine(page, f"redraft-{author.name}", with_axe=True)
    redraft = page.get_by_role("button", name="Delete and redraft").first
    redraft.evaluate("button => button.scrollIntoView({block: 'center'})")  # above the bar of a phone
    redraft.click()
    expect(box).to_have_value(f"Second thoughts of {author.name}")


def test_poll_is_written_and_voted_in(sized: Callable[[str], Person], person: Callable[..., Person]) -> None:
    author, reader = sized("asker"), sized("voter")
    text = f"Which bird is it, asks {author.name}?"
    form = author.page.locator("form[data-composer]")
    form.locator(".poll-field summary").click()
    form.get_by_label("Option 1").fill("A heron")
    form.get_by_label("Option 2").fill("A kestrel")
    examine(author.page, f"poll-composer-{author.name}", with_axe=True)
    publish(author, text)
    expect(post_on(author.page, text)).to_contain_text("0 people voted")

    reader.goto("/explore")
    post = post_on(reader.page, text)
    reader.page.evaluate("window.isSamePage = true")
    examine(reader.page, f"poll-{reader.name}", with_axe=True)
    button(post, "Vote").click()
    expect(post.locator(".send-error")).to_have_text("Choose an option first.")
    reader.errors.clear()  # the browser logs the 422 itself
    post.get_by_label("A kestrel").check()
    button(post, "Vote").click()
    expect(post.get_by_role("group", name="Poll results")).to_be_focused()
    expect(post.get_by_role("listitem").filter(has_text="A kestrel")).to_contain_text("100%")
    assert reader.page.evaluate("window.isSamePage")
    examine(reader.page, f"poll-results-{reader.name}", with_axe=True)

    other = person(f"plain{reader.name}", java_script_enabled=False)
    other.goto("/explore")
    post_on(other.page, text).get_by_label("A heron").check()
    button(post_on(other.page, text), "Vote").click()
    expect(post_on(other.page, text)).to_contain_text("2 people voted")
