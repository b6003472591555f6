"""A browser asks for Web Push: what it sends is checked, and belongs to the login it came with."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from app.core.time import now
from app.delivery.subscriptions import MAX_SUBSCRIPTIONS
from app.lib.webpush import keys
from app.models import LoginSession
from tests.factories import a_message, a_user
from tests.support.push_service import PushBrowser


def test_repeated_subscription_is_stored_once(as_, subscribe, subscriptions):
    ana = as_("ana")
    device = subscribe(ana)
    subscribe(ana, device)
    (row,) = subscriptions()
    assert (row.user_id, row.endpoint) == (ana.user.id, device.endpoint)


def test_push_uses_the_latest_keys_of_a_browser(as_, subscribe, service, run_jobs):
    ana = as_("ana")
    device = subscribe(ana)
    device.secret = b"another secret!!"
    subscribe(ana, device)
    a_message(a_user("ben"), ana.user)
    run_jobs(advance=60)
    assert len(service.to(device)) == 1


def test_resubscribing_keeps_pending_pushes(as_, subscribe, service, run_jobs):
    ana = as_("ana")
    device = subscribe(ana)
    a_message(a_user("ben"), ana.user)
    subscribe(ana, device)
    run_jobs(advance=60)
    assert len(service.to(device)) == 1


def test_shared_browser_gets_pushes_of_its_current_member_only(as_, subscribe, service, subscriptions, run_jobs):
    ana, ben = as_("ana"), as_("ben")
    device = subscribe(ana)
    a_message(ben.user, ana.user)
    subscribe(ben, device)
    assert [row.user_id for row in subscriptions()] == [ben.user.id]
    a_message(ana.user, ben.user)
    run_jobs(advance=60)
    assert [message["title"] for message in service.to(device)] == ["New message from ana"]


def test_events_before_the_subscription_are_not_pushed(as_, subscribe, service, run_jobs):
    ana = as_("ana")
    a_message(a_user("ben"), ana.user)
    device = subscribe(ana)
    run_jobs(advance=60)
    assert service.to(device) == []


def test_transferred_browser_gets_no_push_about_known_events(as_, subscribe, service, run_jobs):
    ana, ben = as_("ana"), as_("ben")
    device = subscribe(ana)
    a_message(ana.user, ben.user)
    subscribe(ben, device)
    a_message(a_user("kim"), ben.user)
    ben.post_form("/messages/kim/read", {"seq": "1"})
    run_jobs(advance=60)
    assert service.to(device) == []


def test_oldest_subscription_is_removed_above_the_limit(as_, subscribe, subscriptions):
    ana = as_("ana")
    devices = [subscribe(ana) for _ in range(MAX_SUBSCRIPTIONS)]
    subscribe(ana, devices[0])
    newest = subscribe(ana)
    kept = {row.endpoint for row in subscriptions()}
    assert kept == {device.endpoint for device in [devices[0], *devices[2:], newest]}


def test_unsubscribing_twice_succeeds(as_, subscribe, subscriptions):
    ana = as_("ana")
    device, other = subscribe(ana), subscribe(ana)
    for _ in range(2):
        assert ana.post_form("/push/unsubscribe", {"endpoint": device.endpoint}).status_code == 204
    assert [row.endpoint for row in subscriptions()] == [other.endpoint]


def test_member_cannot_unsubscribe_browsers_of_others(as_, subscribe, subscriptions):
    device = subscribe(as_("ana"))
    as_("ben").post_form("/push/unsubscribe", {"endpoint": device.endpoint})
    assert len(subscriptions()) == 1


def test_subscription_ends_on_logout(as_, subscribe, subscriptions, service, run_jobs):
    phone, desk = as_("ana"), as_("ana")
    on_phone, on_desk = subscribe(phone), subscribe(desk)
    a_message(a_user("ben"), phone.user)
    assert phone.post_form("/auth/logout").status_code == 303
    assert [row.endpoint for row in subscriptions()] == [on_desk.endpoint]
    run_jobs(advance=60)
    assert (len(service.to(on_phone)), len(service.to(on_desk))) == (0, 1)


def test_subscription_ends_when_the_login_expires(as_, db, subscribe, subscriptions, service, run_jobs):
    ana = as_("ana")
    device = subscribe(ana)
    a_message(a_user("ben"), ana.user)
    (row,) = subscriptions()
    db.session.get_one(LoginSession, row.login_id).expires_at = now() - timedelta(seconds=1)
    run_jobs(advance=60)
    assert service.to(device) == []


@pytest.mark.parametrize(
    "endpoint",
    [
        "",
        "http://127.0.0.1.evil.example/",
        "http://10.0.0.1/",
        "http://169.254.169.254/latest/meta-data",
        "https://push.example/1",
        "file:///etc/passwd",
        "http://127.0.0.1:80/" + "x" * 2000,
        "https://fcm.googleapis.com/\ud83d",
    ],
)
def test_unknown_push_services_are_rejected(as_, service, subscriptions, endpoint):
    fields = service.browser().fields() | {"endpoint": endpoint.encode("utf-8", "replace").decode()}
    answer = as_("ana").post_form("/push/subscribe", fields)
    assert answer.status_code == 422
    assert answer.json["error"] == "This site doesn't support your browser's push service."
    assert subscriptions() == []


def test_localhost_subscription_is_rejected_unless_configured(as_, app, subscriptions):
    device = PushBrowser("http://127.0.0.1:8080/push")
    assert as_("ana").post_form("/push/subscribe", device.fields()).status_code == 422
    assert subscriptions() == []


@pytest.mark.parametrize("field", ["p256dh", "auth"])
@pytest.mark.parametrize("value", ["", "AAAA", "💥", "A" * 87, "A" * 22000])
def test_invalid_subscription_keys_are_rejected(as_, service, subscriptions, field, value):
    fields = service.browser().fields() | {field: value}
    answer = as_("ana").post_form("/push/subscribe", fields)
    assert answer.status_code == 422
    assert answer.json["error"] == "Your browser's push subscription isn't valid. Please try again."
    assert subscriptions() == []


def test_visitor_cannot_subscribe(client, service):
    for address in ("/push/subscribe", "/push/unsubscribe"):
        answer = client.post_form(address, service.browser().fields(), headers={"Accept": "application/json"})
        assert answer.status_code == 401


def test_web_push_is_disabled_without_a_key(as_, service, configure, subscribe, run_jobs):
    ana = as_("ana")
    device = subscribe(ana)
    a_message(a_user("ben"), ana.user)
    configure(VAPID_PRIVATE_KEY="")
    assert ana.post_form("/push/subscribe", service.browser().fields()).status_code == 404
    run_jobs(advance=60)
    assert service.to(device) == []


def test_service_worker_is_served_at_the_root_and_revalidated(client):
    answer = client.get("/service-worker.js")
    assert answer.status_code == 200
    assert answer.content_type.startswith("text/javascript")
    assert answer.headers["Cache-Control"] == "no-cache"
    again = client.get("/service-worker.js", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


def test_push_key_command_prints_a_valid_key(app):
    printed = app.test_cli_runner().invoke(args=["push-key"]).output.strip()
    assert keys.is_private_key(printed)


def test_json_body_is_rejected_when_subscribing(as_, service):
    ana = as_("ana")
    headers = {"X-CSRFToken": ana.csrf_token(), "Content-Type": "application/json"}
    answer = ana.post("/push/subscribe", data=json.dumps(service.browser().fields()), headers=headers)
    assert answer.status_code == 415
