"""What a demanding member does: without scripts, by keyboard alone, and in two browsers at once."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, FilePayload, expect

from app.core.time import now
from tests.e2e.conftest import PASSWORD, Person
from tests.e2e.test_look import examine
from tests.support.pictures import picture

pytestmark = pytest.mark.e2e
MakePerson = Callable[..., Person]


def test_site_works_without_javascript(person: MakePerson) -> None:
    friend = person("frida")
    plain = person("plato", java_script_enabled=False)
    page = plain.page

    plain.submit(".composer", post="Written by hand")
    expect(page.locator(".post", has_text="Written by hand")).to_be_visible()
    plain.goto("/user/frida")
    page.get_by_role("button", name="Follow frida").click()
    expect(page.get_by_role("button", name="Unfollow frida")).to_be_visible()
    plain.goto("/messages/frida")
    plain.submit(".reply", message="Dear Frida")
    expect(page.locator(".bubble.mine")).to_contain_text("Dear Frida")

    friend.goto("/messages/plato")
    friend.submit(".reply", message="Dear Plato")
    expect(friend.page.locator(".bubble.mine")).to_contain_text("Dear Plato")
    plain.goto("/messages/frida")
    badge = page.locator('[data-badge="unread_message_count"]')
    expect(badge).to_contain_text("1")  # a GET reads nothing: the reader says so
    page.get_by_role("button", name="Mark as read").click()
    expect(badge).to_be_hidden()

    plain.goto("/edit_profile")
    page.select_option("[name=theme]", "dark")
    page.click("form:has([name=theme]) [type=submit]")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    plain.goto("/")
    page.locator(".post summary").first.click()
    page.locator(".confirm summary").first.click()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.locator(".post", has_text="Written by hand")).to_have_count(0)
    page.get_by_role("button", name="Log out", exact=True).first.click()
    plain.goto("/")
    expect(page).to_have_url(re.compile("/auth/login"))


def test_posts_are_scheduled_and_pinned_without_javascript(person: MakePerson) -> None:
    plain = person("sched", java_script_enabled=False)
    page = plain.page
    plain.goto("/")
    page.locator(".composer [title=Schedule]").click()
    page.fill("[name=post]", "For tomorrow")
    page.fill("[name=publish_at]", (now() + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M"))
    page.get_by_role("button", name="Schedule", exact=True).click()
    expect(page.locator(".scheduled")).to_contain_text("For tomorrow")
    page.get_by_role("button", name="Post now").click()
    expect(page.locator(".post.is-single")).to_contain_text("For tomorrow")
    page.locator(".is-single .menu > summary").click()
    page.get_by_role("button", name="Pin to your profile").click()
    expect(page.locator("[role=status]")).to_contain_text("Pinned to your profile.")
    plain.goto("/user/sched")
    expect(page.locator(".pinned")).to_contain_text("For tomorrow")


def test_site_works_with_the_keyboard(person: MakePerson) -> None:
    kim = person("kim")
    page, keys = kim.page, kim.page.keyboard
    kim.goto("/")
    keys.press("Tab")
    expect(page.locator(".skip-link")).to_be_focused()
    keys.press("Enter")
    keys.press("Tab")
    keys.type("Typed, never clicked")
    for _ in ("images", "language", "who can see it", "content warning", "poll", "schedule", "the button"):
        keys.press("Tab")
    keys.press("Enter")
    post = page.locator(".post", has_text="Typed, never clicked")
    expect(post).to_be_visible()

    menu = post.locator(".menu > summary")
    menu.focus()
    keys.press("Enter")
    expect(post.locator(".panel")).to_be_visible()
    keys.press("Escape")
    expect(post.locator(".panel")).to_be_hidden()
    expect(menu).to_be_focused()
    keys.press("Enter")
    for _ in range(10):  # past the other entries of the menu
        keys.press("Tab")
        if page.locator(":focus").inner_text().strip() == "Delete post":
            break
    for key in ("Enter", "Tab", "Enter"):  # delete, surely
        keys.press(key)
    expect(post).to_have_count(0)


def test_avatar_image_is_cropped_and_shown(person: MakePerson) -> None:
    iris = person("iris")
    iris.goto("/edit_profile")
    # A picture from the browser itself: 900 by 600, red.
    png = iris.page.evaluate(
        """() => { const c = document.createElement("canvas"); c.width = 900; c.height = 600;
        const d = c.getContext("2d"); d.fillStyle = "red"; d.fillRect(0, 0, 900, 600);
        return c.toDataURL("image/png").split(",")[1]; }"""
    )
    picture = FilePayload(name="me.png", mimeType="image/png", buffer=b64decode(png))
    iris.page.set_input_files("[name=avatar]", picture)
    iris.page.click("form:has([name=theme]) [type=submit]")
    face = iris.page.locator(".avatar-field img")
    expect(face).to_have_js_property("complete", True)
    width, height = face.evaluate("face => [face.naturalWidth, face.naturalHeight]")
    assert width == height > 100


def test_export_progress_is_shown_and_the_file_can_be_downloaded(person: MakePerson) -> None:
    otto = person("otto")
    otto.goto("/")
    otto.submit(".composer", post="For the archive")
    expect(otto.page.locator(".post")).to_have_count(1)
    otto.goto("/user/otto")
    otto.page.get_by_role("button", name="Export my posts and messages").click()
    link = otto.page.get_by_role("link", name="Download")
    expect(link).to_be_visible()  # it comes by the poller, without a reload
    with otto.page.expect_download() as download:
        link.click()
    assert "For the archive" in download.value.path().read_text()


def test_person_is_put_on_a_list_without_javascript(person: MakePerson) -> None:
    lena = person("lena")
    lena.page.fill(".composer [name=post]", "Seen on a list and under #larches")
    lena.page.locator(".composer").get_by_role("button", name="Post", exact=True).click()
    expect(lena.page.locator(".post", has_text="Seen on a list")).to_be_visible()
    reader = person("rhea", java_script_enabled=False)
    page = reader.page
    reader.goto("/lists")
    page.get_by_label("New list").fill("Foresters")
    page.get_by_role("button", name="Create list").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Foresters")
    reader.goto("/user/lena")
    page.locator(".about-person > summary").click()
    page.get_by_role("link", name="Add to a list").click()
    page.get_by_role("button", name="Add to Foresters").click()
    expect(page.get_by_role("button", name="Remove from Foresters")).to_be_visible()
    page.locator("main").get_by_role("link", name="Foresters").click()
    expect(page.locator(".post", has_text="Seen on a list")).to_be_visible()
    examine(page, "list", with_axe=False)
    page.locator(".post").get_by_role("link", name="#larches").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("#larches")
    expect(page.locator(".post", has_text="Seen on a list")).to_be_visible()


def test_login_ended_in_another_browser_shows_a_notice(person: MakePerson, browser: Browser) -> None:
    nina = person("nina")
    nina.goto("/explore")
    other = Person("nina", nina.site, browser.new_context())
    other.log_in(PASSWORD)
    other.goto("/auth/security")
    other.page.get_by_role("button", name="Log out everywhere").click()
    expect(other.page).to_have_url(re.compile("/auth/login"))
    other.context.close()
    expect(nina.page.get_by_text("You've been logged out.")).to_be_visible()
    assert nina.page.url.endswith("/explore")
    nina.errors.clear()  # the browser logs the 401 itself


def test_images_are_posted_without_a_text_and_seen_by_followers(person: MakePerson) -> None:
    uma, vera = person("uma"), person("vera")
    uma.goto("/")
    picker = uma.page.locator(".composer .toolbar input[type=file]:not([name])")
    files = [
        FilePayload(name=f"{one}.png", mimeType="image/png", buffer=picture(colour=one)) for one in ("red", "blue")
    ]
    picker.set_input_files(files)
    words = uma.page.locator(".composer .selected-images input")
    expect(words).to_have_count(2)
    words.first.fill("x" * 1000)
    words.first.evaluate("field => { field.value = 'y'.repeat(1001) }")
    uma.page.get_by_role("button", name="Post", exact=True).click()
    # Refused on the same page, where the images still are.
    expect(uma.page.get_by_role("alert")).to_contain_text("This description is too long.")
    uma.errors.clear()  # the browser logs that the answer was 422
    words.first.fill("The first square")
    words.first.press("Enter")
    expect(uma.page.locator(".composer textarea")).to_be_focused()
    uma.page.get_by_role("button", name="Post", exact=True).click()
    expect(uma.page.locator(".post .pictures")).to_have_count(1)
    expect(uma.page.locator(".composer .selected-images li")).to_have_count(0)
    vera.goto(f"/user/{uma.name}")
    pictures = vera.page.locator(".post .pictures img")
    expect(pictures).to_have_count(2)
    expect(pictures.first).to_have_attribute("alt", "The first square")
    expect(pictures.first).to_have_js_property("complete", True)
    assert pictures.first.evaluate("image => image.naturalWidth") > 0
    assert vera.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
