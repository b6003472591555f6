"""Desktop notification and sound: off until switched on, for one who looks elsewhere, and never in quiet hours."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from .conftest import until
from .fake_site import FakeSite, note
from .test_page import badge

pytestmark = pytest.mark.e2e
OpenTab = Callable[..., Page]
SETTINGS = (
    '<div data-alerts-settings hidden><label><input type="checkbox" data-alerts="desktop"> Desktop</label>'
    '<label><input type="checkbox" data-alerts="sound"> Sound</label></div>'
)
# A desktop and a loudspeaker that remember what they were given; the page is not focused.
STUBS = """
    window.desktop = []; window.tones = []; window.permission = "PERMISSION";
    window.Notification = class {
        static get permission() { return window.permission; }
        static async requestPermission() { window.permission = "ANSWER"; return window.permission; }
        constructor(title, options) { Object.assign(this, { title, options, closed: false }); desktop.push(this); }
        close() { this.closed = true; }
    };
    const parameter = { setValueAtTime() {}, exponentialRampToValueAtTime() {} };
    window.AudioContext = class {
        state = "AUDIO"; currentTime = 0; destination = {};
        resume() { return new Promise(() => {}); }
        createGain() { return { gain: parameter, connect: (next) => next }; }
        createOscillator() {
            const frequency = {};
            return { frequency, connect: (next) => next, start: () => tones.push(frequency.value), stop() {} };
        }
    };
    window.focused = false;
    document.hasFocus = () => window.focused;
"""


def stub_alerts(
    context: BrowserContext, permission: str = "granted", answer: str = "granted", audio: str = "running"
) -> None:
    """Give every page of the browser a desktop and a loudspeaker of ours."""
    script = STUBS.replace("PERMISSION", permission).replace("ANSWER", answer).replace("AUDIO", audio)
    context.add_init_script(script)


@pytest.fixture
def tab(site: FakeSite, open_tab: OpenTab, context: BrowserContext) -> Callable[..., Page]:
    """A tab with a badge at 0, both alerts switched on."""

    def open_one(**body: str) -> Page:
        site.content = badge(0)
        site.body_attributes |= {name.replace("_", "-"): value for name, value in body.items()}
        page = open_tab()
        page.evaluate("Microblog.alerts.set({ desktop: true, sound: true })")
        return page

    return open_one


def send(site: FakeSite, page: Page, number: int, at: float) -> None:
    """Tell a number, and wait until the badge shows it and whoever listens has heard."""
    site.notifications = [note("unread_message_count", number, at)]
    page.evaluate("Microblog.poll.now()")
    expect(page.locator("[data-badge]")).to_have_attribute("data-badge", "unread_message_count")
    until(lambda: page.title().startswith(f"({number})") or number == 0, page)
    page.wait_for_timeout(400)


def alerts(page: Page) -> tuple[list[str], list[int]]:
    """What the desktop shows or has shown, and the tones that were played."""
    got: dict[str, Any] = page.evaluate("({ desktop: desktop.map((one) => one.title), tones })")
    return got["desktop"], got["tones"]


def test_alerts_are_off_by_default(site: FakeSite, open_tab: OpenTab, context: BrowserContext) -> None:
    stub_alerts(context)
    site.content = badge(0)
    page = open_tab()
    assert page.evaluate("Microblog.alerts.settings()") == {"desktop": False, "sound": False}
    send(site, page, 1, 200.0)
    assert alerts(page) == ([], [])


def test_increased_count_triggers_one_alert(site: FakeSite, tab: Callable[..., Page], context: BrowserContext) -> None:
    stub_alerts(context)
    page = tab()
    send(site, page, 3, 200.0)
    page.wait_for_timeout(1500)  # further polls
    until(lambda: alerts(page) == (["3 unread messages"], [660, 880]), page)
    assert page.evaluate("desktop[0].options") == {
        "tag": "microblog-unread_message_count",
        "lang": "en",
        "silent": True,
    }
    send(site, page, 2, 300.0)
    until(lambda: alerts(page) == (["3 unread messages"], [660, 880]), page)
    assert not page.evaluate("desktop[0].closed")
    send(site, page, 0, 400.0)
    assert page.evaluate("desktop[0].closed")  # read, here or elsewhere


@pytest.mark.parametrize(("user", "shows"), [("1", []), ("2", ["1 unread message"])])
def test_desktop_notification_is_skipped_if_push_is_active(
    site: FakeSite, tab: Callable[..., Page], context: BrowserContext, user: str, shows: list[str]
) -> None:
    stub_alerts(context)
    page = tab()
    page.evaluate(
        """(user) => {
            document.body.dataset.userId = "1";
            localStorage.setItem("microblog-push", JSON.stringify({ user, endpoint: "https://push.example/1", at: 1 }));
        }""",
        user,
    )
    send(site, page, 1, 200.0)
    until(lambda: alerts(page) == (shows, [660, 880]), page)


def test_focused_page_shows_no_alert(site: FakeSite, tab: Callable[..., Page], context: BrowserContext) -> None:
    stub_alerts(context)
    page = tab()
    page.evaluate("window.focused = true")
    send(site, page, 1, 200.0)
    assert alerts(page) == ([], [])


def test_focus_in_another_window_of_the_site_suppresses_alerts(
    site: FakeSite, tab: Callable[..., Page], open_tab: OpenTab, context: BrowserContext
) -> None:
    stub_alerts(context)
    leader = tab()
    leader.wait_for_timeout(500)
    other = open_tab()
    look = "(focused) => { window.focused = focused; dispatchEvent(new Event(focused ? 'focus' : 'blur')); }"
    other.evaluate(look, True)
    send(site, leader, 1, 200.0)
    assert leader.evaluate("Microblog.poll.state().leader")
    assert alerts(leader) == ([], [])
    other.evaluate(look, False)
    send(site, leader, 2, 300.0)
    until(lambda: alerts(leader) == (["2 unread messages"], [660, 880]), leader)
    other.evaluate(look, True)
    other.close()
    eyes = "navigator.locks.query().then(({ held }) => held.some(({ name }) => name === 'microblog-eyes'))"
    until(lambda: not leader.evaluate(eyes), leader)
    send(site, leader, 3, 400.0)
    until(lambda: len(alerts(leader)[0]) == 2, leader)


def test_only_one_of_several_tabs_shows_the_alert(
    site: FakeSite, tab: Callable[..., Page], open_tab: OpenTab, context: BrowserContext
) -> None:
    stub_alerts(context)
    first = tab()
    second = open_tab()
    second.wait_for_timeout(500)
    send(site, first, 1, 200.0)
    until(lambda: second.title().startswith("(1)"), second)
    second.wait_for_timeout(400)
    assert first.evaluate("Microblog.poll.state().leader")
    until(lambda: alerts(first) == (["1 unread message"], [660, 880]), first)
    assert alerts(second) == ([], [])


@pytest.mark.parametrize(
    ("until_in", "next_in", "told"), [(60, 3600, False), (-60, 3600, True), (None, -60, False), (None, None, True)]
)
def test_quiet_hours_suppress_alerts(
    site: FakeSite, tab: Callable[..., Page], context: BrowserContext, until_in: int, next_in: int, told: bool
) -> None:
    stub_alerts(context)
    moments = {"data_quiet_until": until_in, "data_next_quiet": next_in}
    page = tab(**{name: str(int(time.time()) + ahead) for name, ahead in moments.items() if ahead is not None})
    send(site, page, 1, 200.0)
    until(lambda: alerts(page) == ((["1 unread message"], [660, 880]) if told else ([], [])), page)
    assert page.title() == "(1) Home"  # the badge says the truth all the same


def test_page_without_user_interaction_plays_no_sound(
    site: FakeSite, tab: Callable[..., Page], context: BrowserContext
) -> None:
    """The browser would play later what it must not play now."""
    stub_alerts(context, audio="suspended")
    page = tab()
    send(site, page, 1, 200.0)
    until(lambda: alerts(page) == (["1 unread message"], []), page)


def test_alert_switches_ask_permission_and_persist(site: FakeSite, open_tab: OpenTab, context: BrowserContext) -> None:
    stub_alerts(context, permission="default")
    site.content = SETTINGS
    page = open_tab()
    expect(page.get_by_label("Desktop")).not_to_be_checked()
    page.get_by_label("Desktop").check()
    page.get_by_label("Sound").check()
    until(lambda: page.evaluate("tones.length") == 2, page)  # so that one knows it
    assert page.evaluate("Microblog.alerts.settings()") == {"desktop": True, "sound": True}
    page.evaluate("permission = 'granted'")
    page.get_by_label("Sound").uncheck()
    assert page.evaluate("JSON.parse(localStorage['microblog-alerts'])") == {"desktop": True, "sound": False}


def test_denied_permission_shows_a_message(site: FakeSite, open_tab: OpenTab, context: BrowserContext) -> None:
    stub_alerts(context, permission="default", answer="denied")
    site.content = SETTINGS
    page = open_tab()
    page.get_by_label("Desktop").click()
    expect(page.get_by_role("status").filter(has_text="is blocking notifications")).to_be_visible()
    expect(page.get_by_label("Desktop")).not_to_be_checked()
    assert page.evaluate("Microblog.alerts.settings().desktop") is False


def test_revoked_permission_shows_the_switch_as_off(site: FakeSite, open_tab: OpenTab, context: BrowserContext) -> None:
    stub_alerts(context, permission="denied")
    site.content = SETTINGS
    open_tab().evaluate("Microblog.alerts.set({ desktop: true })")
    expect(open_tab().get_by_label("Desktop")).not_to_be_checked()


def test_blocked_storage_causes_no_error(site: FakeSite, tab: Callable[..., Page], context: BrowserContext) -> None:
    stub_alerts(context)
    context.add_init_script(
        "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('', 'SecurityError'); } });"
    )
    page = tab()
    send(site, page, 1, 200.0)
    until(lambda: alerts(page) == (["1 unread message"], [660, 880]), page)
