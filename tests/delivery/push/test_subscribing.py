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


def test_a_browser_subscribes_once_however_often_it_says_so(as_, subscribe, subscriptions):
    ana = as_("ana")
    device = subscribe(ana)
    subscribe(ana, device)
    (row,) = subscriptions()
    assert (row.user_id, row.endpoint) == (ana.user.id, device.endpoint)


def test_a_browser_that_comes_with_new_keys_is_told_by_those(as_, subscribe, service, run_jobs):
    ana = as_("ana")
    device = subscribe(ana)
    device.secret = b"another secret!!"
    subscribe(ana, device)
    a_message(a_user("ben"), ana.user)
    run_jobs(advance=60)
    assert len(service.to(device)) == 1


def test_saying_so_again_forgets_nothing_that_is_to_be_told(as_, subscribe, service, run_jobs):
    ana = as_("ana")
    device = subscribe(ana)
    a_message(a_user("ben"), ana.user)
    subscribe(ana, device)
    run_jobs(advance=60)
    assert len(service.to(device)) == 1


def test_a_browser_that_somebody_else_uses_now_tells_them_and_not_who_was_there_before(
    as_, subscribe, service, subscriptions, run_jobs
):
    ana, ben = as_("ana"), as_("ben")
    device = subscribe(ana)
    a_message(ben.user, ana.user)
    subscribe(ben, device)
    assert [row.user_id for row in subscriptions()] == [ben.user.id]
    a_message(ana.user, ben.user)
    run_jobs(advance=60)
    assert [message["title"] for message in service.to(device)] == ["New message from ana"]


def test_what_is_unread_before_is_not_told(as_, subscribe, service, run_jobs):
    ana = as_("ana")
    a_message(a_user("ben"), ana.user)
    device = subscribe(ana)
    run_jobs(advance=60)
    assert service.to(device) == []


def test_what_its_new_person_knows_already_is_not_told_to_a_browser_that_moved(as_, subscribe, service, run_jobs):
    ana, ben = as_("ana"), as_("ben")
    device = subscribe(ana)
    a_message(ana.user, ben.user)
    subscribe(ben, device)
    a_message(a_user("kim"), ben.user)
    ben.post_form("/messages/kim/read", {"seq": "1"})
    run_jobs(advance=60)
    assert service.to(device) == []


def test_of_too_many_browsers_the_one_longest_away_goes(as_, subscribe, subscriptions):
    ana = as_("ana")
    devices = [subscribe(ana) for _ in range(MAX_SUBSCRIPTIONS)]
    subscribe(ana, devices[0])
    newest = subscribe(ana)
    kept = {row.endpoint for row in subscriptions()}
    assert kept == {device.endpoint for device in [devices[0], *devices[2:], newest]}


def test_unsubscribing_ends_it_and_twice_is_no_fault(as_, subscribe, subscriptions):
    ana = as_("ana")
    device, other = subscribe(ana), subscribe(ana)
    for _ in range(2):
        assert ana.post_form("/push/unsubscribe", {"endpoint": device.endpoint}).status_code == 204
    assert [row.endpoint for row in subscriptions()] == [other.endpoint]


def test_nobody_unsubscribes_another_persons_browser(as_, subscribe, subscriptions):
    device = subscribe(as_("ana"))
    as_("ben").post_form("/push/unsubscribe", {"endpoint": device.endpoint})
    assert len(subscriptions()) == 1


def test_it_ends_with_the_login(as_, subscribe, subscriptions, service, run_jobs):
    phone, desk = as_("ana"), as_("ana")
    on_phone, on_desk = subscribe(phone), subscribe(desk)
    a_message(a_user("ben"), phone.user)
    assert phone.post_form("/auth/logout").status_code == 303
    assert [row.endpoint for row in subscriptions()] == [on_desk.endpoint]
    run_jobs(advance=60)
    assert (len(service.to(on_phone)), len(service.to(on_desk))) == (0, 1)


def test_it_ends_with_a_login_that_has_run_out(as_, db, subscribe, subscriptions, service, run_jobs):
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
def test_only_known_push_services_are_spoken_to(as_, service, subscriptions, endpoint):
    fields = service.browser().fields() | {"endpoint": endpoint.encode("utf-8", "replace").decode()}
    answer = as_("ana").post_form("/push/subscribe", fields)
    assert answer.status_code == 422
    assert answer.json["error"] == "This site doesn't support your browser's push service."
    assert subscriptions() == []


def test_this_machine_is_no_push_service_unless_it_is_named(as_, app, subscriptions):
    device = PushBrowser("http://127.0.0.1:8080/push")
    assert as_("ana").post_form("/push/subscribe", device.fields()).status_code == 422
    assert subscriptions() == []


@pytest.mark.parametrize("field", ["p256dh", "auth"])
@pytest.mark.parametrize("value", ["", "AAAA", "💥", "A" * 87, "A" * 22000])
def test_keys_that_are_none_are_refused(as_, service, subscriptions, field, value):
    fields = service.browser().fields() | {field: value}
    answer = as_("ana").post_form("/push/subscribe", fields)
    assert answer.status_code == 422
    assert answer.json["error"] == "Your browser's push subscription isn't valid. Please try again."
    assert subscriptions() == []


def test_a_visitor_hears_to_log_in_again(client, service):
    for address in ("/push/subscribe", "/push/unsubscribe"):
        answer = client.post_form(address, service.browser().fields(), headers={"Accept": "application/json"})
        assert answer.status_code == 401


def test_without_a_key_web_push_is_not_there(as_, service, configure, subscribe, run_jobs):
    ana = as_("ana")
    device = subscribe(ana)
    a_message(a_user("ben"), ana.user)
    configure(VAPID_PRIVATE_KEY="")
    assert ana.post_form("/push/subscribe", service.browser().fields()).status_code == 404
    run_jobs(advance=60)
    assert service.to(device) == []


def test_the_worker_is_served_at_the_root_and_asked_for_anew_each_time(client):
    answer = client.get("/service-worker.js")
    assert answer.status_code == 200
    assert answer.content_type.startswith("text/javascript")
    assert answer.headers["Cache-Control"] == "no-cache"
    again = client.get("/service-worker.js", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


def test_the_command_prints_a_key_that_serves(app):
    printed = app.test_cli_runner().invoke(args=["push-key"]).output.strip()
    assert keys.is_private_key(printed)


def test_a_body_that_is_no_form_is_refused(as_, service):
    ana = as_("ana")
    headers = {"X-CSRFToken": ana.csrf_token(), "Content-Type": "application/json"}
    answer = ana.post("/push/subscribe", data=json.dumps(service.browser().fields()), headers=headers)
    assert answer.status_code == 415
