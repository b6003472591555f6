"""Web Push in the browser: the switch, who is subscribed, and what the service worker shows.

Headless Chromium reaches no push service, so PushManager is played by a script; the worker's pushes are the browser's
own, delivered as its developer tools do.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, render_template
from playwright.sync_api import BrowserContext, CDPSession, Page, expect

from app.lib.webpush import keys
from app.web.asset_build import OWN

from .conftest import until
from .fake_site import Answer, Asked, FakeSite, as_json

WORKER = OWN / "js" / "push_worker.js"
pytestmark = pytest.mark.e2e
OpenTab = Callable[..., Page]
P256DH, AUTH = "B" + "A" * 86, "A" * 22

# One subscription a browser, as a real one: kept in localStorage, so that every tab knows it.
PUSH_MANAGER = """
(() => {
  const given = () => JSON.parse(localStorage.getItem("played-subscription"));
  const made = ({ endpoint, key, keys }) => ({
    endpoint,
    options: { applicationServerKey: Uint8Array.from(key).buffer },
    toJSON: () => ({ endpoint, keys }),
    unsubscribe: async () => { localStorage.removeItem("played-subscription"); return true; },
  });
  PushManager.prototype.getSubscription = async () => (given() ? made(given()) : null);
  PushManager.prototype.subscribe = async ({ userVisibleOnly, applicationServerKey }) => {
    if (!userVisibleOnly) throw new TypeError("silent pushes are not allowed");
    if (localStorage.getItem("played-refusal")) throw new DOMException("no push service", "AbortError");
    const number = Number(localStorage.getItem("played-number") || 0) + 1;
    localStorage.setItem("played-number", number);
    const endpoint = `https://push.example/${number}`;
    const subscription = { endpoint, key: [...applicationServerKey], keys: KEYS };
    localStorage.setItem("played-subscription", JSON.stringify(subscription));
    return made(given());
  };
})();
""".replace("KEYS", json.dumps({"p256dh": P256DH, "auth": AUTH}))


@pytest.fixture
def push_site(app: Flask, site: FakeSite) -> FakeSite:
    """A site with the real switch, and the addresses behind it."""
    with app.test_request_context():
        site.content = render_template("notifications/_push.html")
    site.routes |= {
        "/service-worker.js": lambda _asked: Answer(
            (OWN / "js" / "push_worker.js").read_text(), type="text/javascript"
        ),
        "/push/subscribe": lambda _asked: Answer(status=204),
        "/push/unsubscribe": lambda _asked: Answer(status=204),
        "/elsewhere": lambda _asked: Answer(site.page("")),
        "/messages/ben": lambda _asked: Answer(site.page("")),
    }
    key = keys.public_key(app.config["VAPID_PRIVATE_KEY"])
    site.body_attributes = {"data-push-key": key, "data-push-url": "/push/subscribe"}
    return site


@pytest.fixture
def device(context: BrowserContext, push_site: FakeSite) -> BrowserContext:
    """A browser that lets the site notify, with a push service of its own."""
    context.grant_permissions(["notifications"], origin=push_site.url)
    context.add_init_script(PUSH_MANAGER)
    return context


def sent(site: FakeSite, path: str) -> list[Asked]:
    return [asked for asked in site.asked if asked.path == path]


def switch_on(page: Page) -> None:
    page.get_by_role("switch").check()
    expect(page.get_by_role("switch")).to_be_enabled()


def endpoint(page: Page) -> str | None:
    found: dict[str, str] | None = page.evaluate("JSON.parse(localStorage.getItem('played-subscription'))")
    return found["endpoint"] if found else None


def test_push_switch_subscribes_and_stays_on(push_site: FakeSite, device: BrowserContext, open_tab: OpenTab) -> None:
    page = open_tab()
    expect(page.get_by_role("switch")).not_to_be_checked()
    switch_on(page)
    (asked,) = sent(push_site, "/push/subscribe")
    assert asked.form == {"endpoint": "https://push.example/1", "p256dh": P256DH, "auth": AUTH}
    assert asked.headers["X-CSRFToken"] == "token-1"
    page.reload()
    expect(page.get_by_role("switch")).to_be_checked()
    assert len(sent(push_site, "/push/subscribe")) == 1, "what the server knows need not be said at each page"


def test_push_switch_unsubscribes(push_site: FakeSite, device: BrowserContext, open_tab: OpenTab) -> None:
    page = open_tab()
    switch_on(page)
    page.get_by_role("switch").uncheck()
    expect(page.get_by_role("switch")).to_be_enabled()
    assert [asked.form for asked in sent(push_site, "/push/unsubscribe")] == [{"endpoint": "https://push.example/1"}]
    assert endpoint(page) is None
    page.reload()
    expect(page.get_by_role("switch")).not_to_be_checked()


def test_denied_push_permission_shows_a_hint(push_site: FakeSite, context: BrowserContext, open_tab: OpenTab) -> None:
    context.add_init_script(PUSH_MANAGER)
    context.add_init_script("Notification.requestPermission = async () => 'denied'")
    page = open_tab()
    page.get_by_role("switch").click()
    expect(page.get_by_role("status")).to_contain_text("allow them in your browser's settings")
    expect(page.get_by_role("switch")).not_to_be_checked()
    assert sent(push_site, "/push/subscribe") == []


def test_server_subscription_error_is_shown(push_site: FakeSite, device: BrowserContext, open_tab: OpenTab) -> None:
    push_site.routes["/push/subscribe"] = lambda _asked: as_json({"error": "Not this one."}, 422)
    page = open_tab()
    page.get_by_role("switch").click()
    expect(page.get_by_role("status")).to_have_text("Not this one.")
    expect(page.get_by_role("switch")).not_to_be_checked()
    until(lambda: endpoint(page) is None, page)


def test_browser_without_a_push_service_shows_an_error(
    push_site: FakeSite, device: BrowserContext, open_tab: OpenTab
) -> None:
    page = open_tab()
    page.evaluate("localStorage.setItem('played-refusal', 'yes')")
    page.get_by_role("switch").click()
    expect(page.get_by_role("status")).to_have_text(
        "Couldn't turn on notifications in this browser. Please try again later."
    )
    expect(page.get_by_role("switch")).not_to_be_checked()


def test_push_switch_is_hidden_if_unsupported(push_site: FakeSite, context: BrowserContext, open_tab: OpenTab) -> None:
    context.add_init_script("delete window.PushManager")
    page = open_tab()
    page.wait_for_function("window.Microblog.alerts || window.Microblog.poll")
    page.wait_for_timeout(300)
    expect(page.get_by_role("switch")).to_be_hidden()


def test_changed_endpoint_or_key_is_sent_on_the_next_page(
    push_site: FakeSite, device: BrowserContext, open_tab: OpenTab
) -> None:
    page = open_tab()
    switch_on(page)
    page.evaluate(
        """() => {
            const old = localStorage.getItem("played-subscription");
            localStorage.setItem("played-subscription", old.replace("/1", "/moved"));
        }"""
    )
    page.goto(f"{push_site.url}/elsewhere")
    until(lambda: len(sent(push_site, "/push/subscribe")) == 2, page)
    assert sent(push_site, "/push/subscribe")[1].form["endpoint"] == "https://push.example/moved"
    push_site.body_attributes["data-push-key"] = keys.public_key(keys.new_private_key())
    page.reload()
    until(lambda: len(sent(push_site, "/push/subscribe")) == 3, page)
    assert sent(push_site, "/push/subscribe")[2].form["endpoint"] == "https://push.example/2"


def test_logout_ends_the_subscription_and_login_restores_it(
    push_site: FakeSite, device: BrowserContext, open_tab: OpenTab
) -> None:
    page = open_tab()
    switch_on(page)
    member = dict(push_site.body_attributes)
    push_site.body_attributes = {"data-user-id": "", "data-poll-url": ""}
    page.goto(f"{push_site.url}/elsewhere")
    until(lambda: endpoint(page) is None, page)
    push_site.body_attributes = member | {"data-user-id": "8"}
    page.reload()
    page.wait_for_timeout(500)
    assert endpoint(page) is None, "somebody else asked for nothing"
    push_site.body_attributes = member
    page.reload()
    until(lambda: endpoint(page) == "https://push.example/2", page)
    until(lambda: len(sent(push_site, "/push/subscribe")) == 2, page)


def test_login_of_another_member_ends_the_subscription(
    push_site: FakeSite, device: BrowserContext, open_tab: OpenTab
) -> None:
    page = open_tab()
    switch_on(page)
    push_site.body_attributes["data-user-id"] = "8"
    page.reload()
    until(lambda: endpoint(page) is None, page)
    expect(page.get_by_role("switch")).not_to_be_checked()


# What the worker did, for tests to see; nobody clicks in a headless browser, so it may open windows without a click.
WATCH = """() => {
    self.told = { badges: [], opened: [], focused: [], shown: [] };
    WorkerNavigator.prototype.setAppBadge = async (number) => void told.badges.push(number);
    Clients.prototype.openWindow = async (url) => void told.opened.push(url);
    WindowClient.prototype.focus = async function () { told.focused.push(this.url); };
    const show = ServiceWorkerRegistration.prototype.showNotification;
    ServiceWorkerRegistration.prototype.showNotification = function (title, options) {
        told.shown.push({ title, silent: options.silent, renotify: options.renotify });
        return show.call(this, title, options);
    };
}"""


class Device:
    """A browser that subscribed: its page, its service worker, and what stands on the screen."""

    def __init__(self, page: Page, site: FakeSite) -> None:
        self.page = page
        self.url = site.url
        self._session: CDPSession = page.context.new_cdp_session(page)
        self._ids: list[str] = []
        self._session.on("ServiceWorker.workerRegistrationUpdated", self._note)
        self._session.send("ServiceWorker.enable")
        until(lambda: self._ids and page.context.service_workers, page)
        self.worker = page.context.service_workers[0]
        self.worker.evaluate(WATCH)

    def _note(self, event: Any) -> None:
        self._ids += [one["registrationId"] for one in event["registrations"]]

    def leave(self) -> None:
        """Close the site."""
        self.page.goto("about:blank")

    def push(self, text: str = "", **message: Any) -> None:
        """A push arrives; it has been dealt with when this returns."""
        before = len(self.told("shown"))
        found = {"origin": self.url, "registrationId": self._ids[-1], "data": text or json.dumps(message)}
        self._session.send("ServiceWorker.deliverPushMessage", found)
        until(lambda: len(self.told("shown")) > before, self.page)
        self.page.wait_for_timeout(200)

    def told(self, what: str) -> list[Any]:
        """What the worker did."""
        found: list[Any] = self.worker.evaluate("what => self.told[what]", what)
        return found

    def screen(self) -> list[dict[str, Any]]:
        """The notifications that stand there."""
        found: list[dict[str, Any]] = self.worker.evaluate(
            """async () => (await self.registration.getNotifications()).map(
                ({ title, body, lang, dir, tag, data }) => ({ title, body, lang, dir, tag, data }))"""
        )
        return found

    def click(self) -> None:
        """A click on the notification that stands there."""
        self.worker.evaluate(
            """async () => {
                const [notification] = await self.registration.getNotifications();
                self.dispatchEvent(new NotificationEvent("notificationclick", { notification }));
            }"""
        )


@pytest.fixture
def closed_device(push_site: FakeSite, device: BrowserContext, open_tab: OpenTab) -> Device:
    """A browser that subscribed and has no page of the site open any more."""
    page = open_tab()
    switch_on(page)
    closed_device = Device(page, push_site)
    closed_device.leave()
    return closed_device


MESSAGE = {
    "id": "1",
    "title": "رسالة جديدة من Ben",
    "body": "",
    "url": "/messages/ben",
    "lang": "ar",
    "dir": "rtl",
    "unread_message_count": 2,
    "unread_activity_count": 1,
}


def test_push_is_shown_and_replaced_by_the_next_one(closed_device: Device) -> None:
    closed_device.push(**MESSAGE)
    assert closed_device.screen() == [
        {
            "title": MESSAGE["title"],
            "body": "",
            "lang": "ar",
            "dir": "rtl",
            "tag": "microblog-push",
            "data": {"id": "1", "url": "/messages/ben"},
        }
    ]
    closed_device.push(**{**MESSAGE, "id": "2", "title": "Kim", "unread_activity_count": 0})
    assert [one["title"] for one in closed_device.screen()] == ["Kim"]
    assert closed_device.told("badges") == [3, 2]


def test_repeated_push_is_silent(closed_device: Device) -> None:
    closed_device.push(**MESSAGE)
    closed_device.push(**MESSAGE)
    closed_device.push(**{**MESSAGE, "id": "2"})
    assert [(one["silent"], one["renotify"]) for one in closed_device.told("shown")] == [
        (False, True),
        (True, False),
        (False, True),
    ]


def test_unreadable_push_shows_the_site_name(closed_device: Device) -> None:
    closed_device.push("{")
    assert [one["title"] for one in closed_device.screen()] == ["Microblog"]
    closed_device.click()
    until(lambda: closed_device.told("opened") == [f"{closed_device.url}/"], closed_device.page)


def test_push_is_not_shown_if_a_page_is_visible(closed_device: Device) -> None:
    closed_device.push(**MESSAGE)
    closed_device.page.goto(closed_device.url)
    closed_device.push(**{**MESSAGE, "id": "2"})
    assert closed_device.screen() == []
    assert closed_device.told("shown")[-1]["silent"]


def test_clicking_a_push_opens_its_page(closed_device: Device) -> None:
    closed_device.push(**MESSAGE)
    closed_device.click()
    until(lambda: closed_device.told("opened") == [f"{closed_device.url}/messages/ben"], closed_device.page)
    assert closed_device.screen() == []


def test_clicking_a_push_focuses_an_already_open_page(
    closed_device: Device, push_site: FakeSite, device: BrowserContext
) -> None:
    closed_device.push(**MESSAGE)
    other, same = device.new_page(), device.new_page()
    other.goto(f"{push_site.url}/elsewhere")
    same.goto(f"{push_site.url}/messages/ben?before=9")
    closed_device.click()
    until(lambda: closed_device.told("focused") == [f"{push_site.url}/messages/ben?before=9"], closed_device.page)
    assert closed_device.told("opened") == []
    assert other.url == f"{push_site.url}/elsewhere"


def test_push_is_removed_when_its_content_is_read(closed_device: Device) -> None:
    closed_device.push(**MESSAGE)
    closed_device.page.goto(closed_device.url)
    read = {"name": "unread_message_count", "number": 0, "before": 2}
    closed_device.page.evaluate(
        "detail => document.dispatchEvent(new CustomEvent('microblog:badge', { detail }))", read
    )
    until(lambda: closed_device.screen() == [], closed_device.page)


def test_open_page_sends_a_changed_push_endpoint(closed_device: Device, push_site: FakeSite) -> None:
    closed_device.page.goto(closed_device.url)
    until(lambda: closed_device.page.get_by_role("switch").is_visible(), closed_device.page)
    closed_device.page.evaluate(
        """() => {
            const old = localStorage.getItem("played-subscription");
            localStorage.setItem("played-subscription", old.replace("/1", "/moved"));
        }"""
    )
    closed_device.worker.evaluate("() => self.dispatchEvent(new ExtendableEvent('pushsubscriptionchange'))")
    until(lambda: len(sent(push_site, "/push/subscribe")) == 2, closed_device.page)
    assert sent(push_site, "/push/subscribe")[1].form["endpoint"] == "https://push.example/moved"
