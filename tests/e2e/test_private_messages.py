"""Two people who write to each other: live on both sides, taken back, changed, with pictures, and nothing lost."""

from __future__ import annotations

import re
from collections.abc import Callable
from io import BytesIO

import pytest
from PIL import Image
from playwright.sync_api import Browser, FilePayload, Locator, Page, Route, expect

from tests.e2e.conftest import PASSWORD, PHONE, Person

pytestmark = pytest.mark.e2e
MakePerson = Callable[..., Person]


def acquaint(one: Person, other: Person, *, receipts: bool = False) -> None:
    """Two people follow each other, so that neither's first message is a request."""
    for person, name in ((one, other.name), (other, one.name)):
        person.goto(f"/user/{name}")
        person.page.get_by_role("button", name=f"Follow {name}").click()
        expect(person.page.get_by_role("button", name=f"Unfollow {name}")).to_be_visible()
        if receipts:
            person.goto("/privacy")
            person.page.check("[name=receipts]")
            person.page.locator("form:has([name=receipts]) [type=submit]").click()


def write(person: Person, text: str) -> Locator:
    """Send a message from the open conversation."""
    person.page.fill(".reply textarea", text)
    person.page.press(".reply textarea", "Enter")
    bubble = person.page.locator(".bubble.mine", has_text=text)
    expect(bubble).to_have_count(1)
    return bubble


def write_many(person: Person, count: int) -> None:
    """Send "line 1.", "line 2." and so on, as a person does who has seen what went before."""
    person.page.evaluate(
        """async (count) => {
            const form = document.querySelector("[data-message-form]");
            for (let number = 1; number <= count; number += 1) {
                const data = new FormData(form);
                data.set("message", `line ${number}.`);
                data.set("form_key", number);
                data.set("read_upto", number - 1);
                await fetch(form.action, { method: "POST", body: data });
            }
        }""",
        count,
    )


def choose(bubble: Locator, name: str) -> None:
    """Choose something from the menu of a bubble."""
    bubble.hover()
    bubble.locator("summary").click()
    bubble.locator(".panel").get_by_text(name, exact=True).click()


def png(colour: str) -> bytes:
    """A small picture."""
    file = BytesIO()
    Image.new("RGB", (40, 30), colour).save(file, "PNG")
    return file.getvalue()


def box(page: Page) -> Locator:
    """Where one writes."""
    return page.locator(".reply textarea")


def test_conversation_is_updated_live_on_both_sides(sized: MakePerson) -> None:
    ida, joel = sized("ida"), sized("joel")
    acquaint(ida, joel, receipts=True)
    ida.goto(f"/messages/{joel.name}")
    joel.goto("/explore")

    state = write(ida, "Are you there?").locator("[data-state]")
    expect(state).to_have_attribute("data-state", "sent")
    # His poll, and then hers: two whole intervals, before anything takes time.
    expect(state).to_have_attribute("data-state", "delivered")
    joel.goto(f"/messages/{ida.name}")
    expect(joel.page.locator("[data-new-divider]")).to_have_text("1 new message")
    expect(state).to_have_attribute("data-state", "read")
    expect(state).to_contain_text("Read")

    joel.page.focus(".reply textarea")
    joel.page.keyboard.type("half a th")
    write(ida, "I am here")
    expect(joel.page.locator(".bubble.theirs", has_text="I am here")).to_be_visible()
    expect(joel.page.locator("[data-read-out]")).to_have_text(f"{ida.name}: I am here")
    expect(box(joel.page)).to_be_focused()
    expect(box(joel.page)).to_have_value("half a th")

    taken_back = write(ida, "Wrong window")
    expect(joel.page.locator(".bubble", has_text="Wrong window")).to_be_visible()
    taken_back.get_by_role("button", name="Undo").click()
    expect(taken_back).to_have_count(0)
    expect(box(ida.page)).to_have_value("Wrong window")
    expect(joel.page.locator(".bubble", has_text="Wrong window")).to_have_count(0)

    ida.page.fill(".reply textarea", "")
    choose(write(ida, "See you at nien"), "Edit")
    ida.page.fill(".bubble .edit-form textarea", "See you at nine")
    ida.page.press(".bubble .edit-form textarea", "Enter")
    for one in (ida, joel):
        changed = one.page.locator(".bubble", has_text="See you at nine")
        expect(changed).to_contain_text("Edited")
        assert one.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    choose(ida.page.locator(".bubble.mine", has_text="See you at nine"), "Delete for everyone")
    for one in (ida, joel):
        expect(one.page.locator(".bubble").last).to_contain_text("This message was deleted.")
    expect(ida.page.locator(".thread")).to_be_focused()


def test_images_arrive_with_their_alt_texts(sized: MakePerson) -> None:
    kira, liam = sized("kira"), sized("liam")
    acquaint(kira, liam)
    kira.goto(f"/messages/{liam.name}")
    liam.goto(f"/messages/{kira.name}")
    colours = ["red", "green", "blue", "white", "black"]
    files = [FilePayload(name=f"{colour}.png", mimeType="image/png", buffer=png(colour)) for colour in colours]
    picker = kira.page.locator(".reply > input[type=file]")
    picker.set_input_files(files)
    expect(kira.page.get_by_role("alert")).to_have_text("You can add up to 4 images.")
    picker.set_input_files(files[:3])
    words = kira.page.locator(".selected-images input")
    for number, field in enumerate(words.all()):
        field.fill(f"Square number {number}")
    kira.page.get_by_role("button", name="Remove image").nth(1).click()
    kira.page.get_by_role("button", name="Send").click()
    for one in (kira, liam):
        pictures = one.page.locator(".bubble .pictures img")
        expect(pictures).to_have_count(2)
        assert [image.get_attribute("alt") for image in pictures.all()] == ["Square number 0", "Square number 2"]
        expect(pictures.first).to_have_js_property("complete", True)
        assert pictures.first.evaluate("image => image.naturalWidth") > 0
    expect(words).to_have_count(0)


def test_draft_is_restored_on_every_device(sized: MakePerson, browser: Browser) -> None:
    mila, nico = sized("mila"), sized("nico")
    acquaint(mila, nico)
    mila.goto(f"/messages/{nico.name}")
    write(mila, "Hello")
    with mila.page.expect_response(re.compile("/draft$")):
        box(mila.page).fill("Half a thought")
    mila.page.reload()
    expect(box(mila.page)).to_have_value("Half a thought")

    device = Person(mila.name, mila.site, browser.new_context())
    device.log_in(PASSWORD)
    device.goto(f"/messages/{nico.name}")
    expect(box(device.page)).to_have_value("Half a thought")
    write(device, "Half a thought, and the rest")
    device.goto(f"/messages/{nico.name}")
    expect(box(device.page)).to_have_value("")
    device.context.close()


def test_failed_message_can_be_retried_and_is_sent_once(sized: MakePerson) -> None:
    omar, pia = sized("omar"), sized("pia")
    acquaint(omar, pia)
    omar.goto(f"/messages/{pia.name}")

    def lose_the_answer(route: Route) -> None:
        route.fetch(max_redirects=0)
        route.abort()

    omar.page.route(f"**/send_message/{pia.name}", lambda route: route.fulfill(status=503, body="busy"))
    box(omar.page).fill("Only once")
    box(omar.page).press("Enter")
    again = omar.page.get_by_role("button", name="Try again")
    expect(again).to_be_visible()
    omar.page.unroute(f"**/send_message/{pia.name}")
    omar.page.route(f"**/send_message/{pia.name}", lose_the_answer, times=1)  # it was stored, and he cannot know
    again.click()
    expect(omar.page.get_by_role("alert")).to_contain_text("Couldn't send.")
    expect(box(omar.page)).to_have_value("Only once")
    again.click()
    expect(box(omar.page)).to_have_value("")
    omar.page.reload()
    expect(omar.page.locator(".bubble", has_text="Only once")).to_have_count(1)
    omar.errors.clear()  # the browser logs what failed itself

    pia.goto(f"/user/{omar.name}")
    pia.page.locator(".about-person > summary").click()
    pia.page.locator("summary", has_text=f"Block {omar.name}").click()
    pia.page.get_by_role("button", name=f"Block {omar.name}").click()
    box(omar.page).fill("Are you angry?")
    with omar.page.expect_response(re.compile("/draft$")):
        box(omar.page).press("Enter")
    expect(omar.page.get_by_role("alert")).to_have_text("You can't message this person.")
    expect(box(omar.page)).to_have_value("Are you angry?")
    omar.errors.clear()
    omar.page.reload()
    expect(omar.page.locator(".closed")).to_contain_text("You can't message this person.")
    expect(omar.page.locator(".closed textarea")).to_have_value("Are you angry?")


def test_conversation_works_without_javascript(person: MakePerson, browser: Browser) -> None:
    quinn, rosa = person("quinn"), person("rosa")
    acquaint(quinn, rosa)
    quinn.goto("/messages/rosa")
    write_many(quinn, 41)

    plain = Person("quinn", quinn.site, browser.new_context(java_script_enabled=False, viewport=PHONE))
    plain.log_in(PASSWORD)
    plain.goto("/messages/rosa")
    expect(plain.page.get_by_text("line 1.", exact=True)).to_have_count(0)
    plain.page.get_by_role("link", name="Older messages").click()
    expect(plain.page.get_by_text("line 1.", exact=True)).to_be_visible()
    plain.goto("/messages/rosa")
    plain.submit(".reply", message="Sent by hand")
    bubble = plain.page.locator(".bubble.mine", has_text="Sent by hand")
    bubble.get_by_role("button", name="Undo").click()
    expect(bubble).to_have_count(0)
    expect(box(plain.page)).to_have_value("Sent by hand")
    plain.page.click(".reply [type=submit]")
    choose(bubble, "Edit")
    plain.submit(".edit-form", message="Sent by hand, with care")
    expect(plain.page.locator(".bubble.mine").last).to_contain_text(re.compile("with care.*Edited", re.DOTALL))
    choose(plain.page.locator(".bubble.mine").last, "Delete for everyone")
    expect(plain.page.locator(".bubble").last).to_contain_text("This message was deleted.")
    plain.context.close()
    plain.expect_no_error()


def test_older_messages_load_when_scrolling_up(person: MakePerson) -> None:
    sara, theo = person("sara"), person("theo")
    acquaint(sara, theo)
    sara.goto("/messages/theo")
    write_many(sara, 90)
    sara.page.reload()
    first = sara.page.get_by_text("line 51.", exact=True)
    first.evaluate("bubble => document.querySelector('.thread').scrollTop = 0")
    expect(sara.page.get_by_text("line 11.", exact=True)).to_have_count(1)
    expect(first).to_be_in_viewport()  # what was looked at has not moved away
    expect(sara.page.get_by_text("line 1.", exact=True)).to_have_count(0)
    sara.page.locator(".thread").evaluate("thread => thread.scrollTop = 0")
    expect(sara.page.get_by_text("line 1.", exact=True)).to_have_count(1)
    expect(sara.page.locator("[data-older]")).to_have_count(0)
    expect(sara.page.locator("[data-day]")).to_have_count(1)
