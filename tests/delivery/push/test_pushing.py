"""What is pushed, when, and to whom: the delivery grid and the hours, up to the text that a browser decrypts."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest

from app.core.time import now
from app.lib.webpush import keys
from app.models import DeliveryPreference, DeliveryProfile, LoginSession
from app.notifications import record_event, render
from tests.factories import a_message, a_post, a_user
from tests.support.push_service import HANGS_UP

SOON = 60  # seconds after which an ordered push is due
HOUR = 3600


@pytest.fixture
def ana(as_):
    return as_("ana")


@pytest.fixture
def ben(db):
    return a_user("ben", name="Ben Okri")


@pytest.fixture
def device(ana, subscribe):
    return subscribe(ana)


@pytest.fixture
def event(db):
    """Something happens to a person."""

    def event(person, kind="mention", subject="1", **values):
        if kind == "mention":
            values["post_id"] = a_post(values["actor"], f"Hello @{person.user.username}").id
        record_event(person.user.id, kind, subject, **values)
        db.session.commit()

    return event


@pytest.fixture
def set_preference(db):
    """A person's row of the grid."""

    def set_preference(person, kind, *, push, grouped=True):
        row = DeliveryPreference(user_id=person.user.id, kind=kind, badge=True, push=push, mail="none", grouped=grouped)
        db.session.merge(row)
        db.session.commit()

    return set_preference


@pytest.fixture
def set_profile(db):
    """A person's quiet hours, pause and filters."""

    def set_profile(person, **values):
        defaults = {"digest_at": 480, "digest_weekday": 0, "not_following": "accept", "new_account": "accept"}
        db.session.merge(DeliveryProfile(user_id=person.user.id, **defaults | values))
        db.session.commit()

    return set_profile


def test_push_is_encrypted_and_signed(app, ana, ben, device, service, run_jobs):
    a_message(ben, ana.user, "the key lies under the mat")
    run_jobs(advance=SOON)
    (push,) = service.pushes
    assert push.message == push.message | {
        "title": "New message from Ben Okri",
        "body": "",
        "url": "/messages/ben",
        "lang": "en",
        "dir": "ltr",
        "unread_message_count": 1,
        "unread_activity_count": 0,
    }
    assert push.headers["content-encoding"] == "aes128gcm"
    assert push.headers["ttl"] == "86400"
    assert push.headers["topic"] == "news"
    assert push.claims["aud"] == service.url
    assert push.claims["sub"] == "mailto:noreply@microblog.test"
    assert now().timestamp() < push.claims["exp"] < now().timestamp() + 24 * HOUR
    assert push.signed_by == keys.public_key(app.config["VAPID_PRIVATE_KEY"])
    assert b"Ben" not in push.body
    assert "mat" not in json.dumps(push.message), "what stands on a locked screen quotes nobody"


def test_push_waits_until_open_pages_have_polled(app, ana, ben, device, service, run_jobs):
    a_message(ben, ana.user)
    run_jobs(advance=app.config["POLL_INTERVAL"])
    assert service.tried == 0
    run_jobs(advance=3)
    assert service.tried == 1


def test_event_is_pushed_once(ana, ben, device, service, run_jobs):
    a_message(ben, ana.user)
    run_jobs(advance=SOON)
    run_jobs(advance=SOON)
    assert service.tried == 1


def test_pushed_event_is_not_repeated_after_a_newer_one_is_read(ana, ben, device, service, run_jobs):
    a_message(ben, ana.user)
    run_jobs(advance=SOON)
    a_message(a_user("kim"), ana.user)
    ana.post_form("/messages/kim/read", {"seq": "1"})
    run_jobs(advance=SOON)
    assert service.tried == 1


def test_several_events_make_one_push(ana, ben, device, event, service, run_jobs):
    a_message(ben, ana.user)
    a_message(ben, ana.user)
    a_message(a_user("kim"), ana.user)
    event(ana, "mention", actor=ben)
    run_jobs(advance=SOON)
    (message,) = service.to(device)
    assert message["title"] == "Ben Okri mentioned you"
    assert message["body"].split("\n") == ["New message from kim", "2 new messages from Ben Okri"]
    assert message["url"] == "/activity"
    assert (message["unread_message_count"], message["unread_activity_count"]) == (3, 1)


def test_push_about_several_senders_links_to_the_inbox(ana, ben, device, service, run_jobs):
    a_message(ben, ana.user)
    a_message(a_user("kim"), ana.user)
    run_jobs(advance=SOON)
    assert service.to(device)[0]["url"] == "/messages"


def test_next_push_includes_earlier_unread_events(ana, ben, device, service, run_jobs):
    a_message(ben, ana.user)
    run_jobs(advance=SOON)
    a_message(a_user("kim"), ana.user)
    run_jobs(advance=SOON)
    assert [message["title"] for message in service.to(device)] == ["New message from Ben Okri", "New message from kim"]
    assert service.to(device)[1]["body"] == "New message from Ben Okri"


def test_push_omits_events_of_earlier_days(ana, ben, db, device, service, run_jobs, time_machine):
    db.session.query(LoginSession).one().expires_at += timedelta(days=9)
    a_message(ben, ana.user)
    run_jobs(advance=SOON)
    time_machine.move_to(now() + timedelta(days=2))
    a_message(a_user("kim"), ana.user)
    run_jobs(advance=SOON)
    assert service.to(device)[1]["body"] == ""


def test_push_body_is_limited_to_a_few_lines(ana, device, event, service, run_jobs):
    for number in range(20):
        event(ana, "mention", str(number), actor=a_user(f"author{number}", name="👩🏽‍🚀" * 16))
    run_jobs(advance=SOON)
    (message,) = service.to(device)
    assert len(message["body"].split("\n")) == 5
    assert message["body"].endswith("\n…")
    assert len(service.pushes[0].body) <= 4096


def test_push_groups_events_unless_the_member_turned_grouping_off(
    ana, device, event, set_preference, service, run_jobs
):
    set_preference(ana, "follow", push=True)
    for name in ("kim", "lou", "mia"):
        event(ana, "follow", name, actor=a_user(name))
    run_jobs(advance=SOON)
    set_preference(ana, "follow", push=True, grouped=False)
    event(ana, "follow", "nia", actor=a_user("nia"))
    run_jobs(advance=SOON)
    first, second = service.to(device)
    assert (first["title"], first["body"]) == ("mia and 2 others followed you", "")
    assert second["title"] == "nia followed you"
    assert second["body"].split("\n") == ["mia followed you", "lou followed you", "kim followed you"]


def test_read_event_is_not_pushed(ana, ben, device, service, run_jobs):
    a_message(ben, ana.user)
    assert ana.post_form("/messages/ben/read", {"seq": "1"}).status_code < 400
    run_jobs(advance=SOON)
    assert service.tried == 0


def test_push_omits_read_events(ana, ben, device, event, service, run_jobs):
    a_message(ben, ana.user)
    event(ana, "mention", actor=ben)
    ana.post_form("/messages/ben/read", {"seq": "1"})
    run_jobs(advance=SOON)
    (message,) = service.to(device)
    assert (message["title"], message["body"]) == ("Ben Okri mentioned you", "")


def test_each_browser_gets_one_push(ana, ben, device, as_, subscribe, service, run_jobs):
    other = subscribe(as_(ana.user))
    a_message(ben, ana.user)
    run_jobs(advance=SOON)
    run_jobs(advance=SOON)
    assert (len(service.to(device)), len(service.to(other))) == (1, 1)


def test_failing_subscription_does_not_delay_the_other(ana, ben, device, as_, subscribe, service, run_jobs):
    other = subscribe(as_(ana.user))
    device.status = 500
    a_message(ben, ana.user)
    run_jobs(advance=SOON, may_fail=True)
    assert (len(service.to(device)), len(service.to(other))) == (0, 1)
    device.status = 201
    run_jobs(advance=SOON)
    assert (len(service.to(device)), len(service.to(other))) == (1, 1)


def test_event_that_fails_to_render_does_not_block_other_pushes(
    ana, ben, device, event, service, run_jobs, monkeypatch
):
    def fails(_event):
        raise KeyError("a place that is gone")

    monkeypatch.setitem(render._ALONE, "mention", fails)
    event(ana, actor=ben)
    a_message(ben, ana.user)
    run_jobs(advance=SOON)
    (message,) = service.to(device)
    words = f"{message['title']}\n{message['body']}"
    assert "New message from Ben Okri" in words
    assert "1 new notification" in words


def test_kinds_without_push_are_not_pushed(ana, ben, device, event, set_preference, service, run_jobs):
    set_preference(ana, "message", push=False)
    a_message(ben, ana.user)
    event(ana, "follow", actor=ben)  # off unless wanted
    run_jobs(advance=SOON)
    assert service.tried == 0
    event(ana, "mention", actor=ben)
    run_jobs(advance=SOON)
    (message,) = service.to(device)
    assert message["body"] == ""


def test_push_preference_applies_to_pending_events(ana, ben, device, set_preference, service, run_jobs):
    a_message(ben, ana.user)
    set_preference(ana, "message", push=False)
    run_jobs(advance=SOON)
    assert service.tried == 0


def test_held_event_is_not_pushed(ana, ben, device, event, set_profile, service, run_jobs):
    set_profile(ana, not_following="hold")
    event(ana, "mention", actor=ben)
    run_jobs(advance=SOON)
    assert service.tried == 0


def test_quiet_hours_hold_a_push_until_they_end(ana, ben, device, set_profile, service, run_jobs, time_machine):
    time_machine.move_to(datetime.fromisoformat("2026-03-02T23:30:00+00:00"))
    set_profile(ana, quiet_from=22 * 60, quiet_until=7 * 60)
    a_message(ben, ana.user)
    run_jobs()
    time_machine.move_to(datetime.fromisoformat("2026-03-03T06:59:00+00:00"))
    run_jobs()
    assert service.tried == 0
    time_machine.move_to(datetime.fromisoformat("2026-03-03T07:00:01+00:00"))
    run_jobs()
    assert len(service.to(device)) == 1


def test_pause_started_later_holds_pending_push(ana, ben, device, set_profile, service, run_jobs, time_machine):
    time_machine.move_to(now())
    a_message(ben, ana.user)
    set_profile(ana, paused_until=now() + timedelta(hours=2))
    time_machine.shift(HOUR)
    run_jobs()
    assert service.tried == 0
    time_machine.shift(HOUR + 1)
    run_jobs()
    assert service.tried == 1


def test_resuming_releases_held_push(ana, ben, device, service, run_jobs):
    ana.post_form("/notification_settings/pause")
    a_message(ben, ana.user)
    run_jobs(advance=SOON)
    assert service.tried == 0
    ana.post_form("/notification_settings/resume")
    run_jobs(advance=SOON)
    assert len(service.to(device)) == 1


def test_settings_change_does_not_speed_up_a_push_retry(ana, ben, device, service, run_jobs):
    device.status = 503
    a_message(ben, ana.user)
    for _ in range(3):
        run_jobs(advance=SOON, may_fail=True)
    tried = service.tried
    ana.post_form("/notification_settings/pause")
    ana.post_form("/notification_settings/resume")
    run_jobs(advance=20)
    assert service.tried == tried


@pytest.mark.parametrize("status", [404, 410])
def test_expired_subscription_is_removed(ana, ben, device, service, subscriptions, run_jobs, status):
    device.status = status
    a_message(ben, ana.user)
    (job,) = [job for job in run_jobs(advance=SOON) if job.name == "notifications.push"]
    assert (job.state, subscriptions()) == ("done", [])


@pytest.mark.parametrize("status", [429, 500, 503, HANGS_UP])
def test_push_is_retried_after_a_temporary_error(ana, ben, device, service, subscriptions, run_jobs, status):
    device.status = status
    a_message(ben, ana.user)
    run_jobs(advance=SOON, may_fail=True)
    assert len(subscriptions()) == 1
    device.status = 201
    before = service.tried
    run_jobs(advance=SOON)
    assert (service.tried, service.to(device)[-1]["title"]) == (before + 1, "New message from Ben Okri")


def test_push_is_retried_when_the_service_is_unreachable(ana, ben, device, service, run_jobs):
    service.stop()
    a_message(ben, ana.user)
    (job,) = [job for job in run_jobs(advance=SOON, may_fail=True) if job.name == "notifications.push"]
    assert (job.state, job.attempts) == ("queued", 1)


def test_event_read_before_the_retry_is_not_pushed(ana, ben, device, service, run_jobs):
    device.status = 500
    a_message(ben, ana.user)
    run_jobs(advance=SOON, may_fail=True)
    ana.post_form("/messages/ben/read", {"seq": "1"})
    device.status = 201
    run_jobs(advance=SOON)
    assert service.tried == 1


def test_push_is_resent_identically_after_a_lost_response(ana, ben, device, service, run_jobs):
    device.status = HANGS_UP
    a_message(ben, ana.user)
    run_jobs(advance=SOON, may_fail=True)
    device.status = 201
    run_jobs(advance=SOON)
    first, second = service.to(device)
    assert first == second


@pytest.mark.parametrize("status", [307, 400, 401, 403, 413])
def test_rejected_push_is_not_retried_and_the_error_is_stored(ana, ben, device, service, run_jobs, status):
    device.status = status
    a_message(ben, ana.user)
    (job,) = [job for job in run_jobs(advance=SOON, may_fail=True) if job.name == "notifications.push"]
    assert (job.state, job.error) == ("failed", f"127.0.0.1 answered {status}: as told")
    assert service.tried == 1


def test_push_to_a_host_removed_from_settings_fails(ana, ben, device, service, configure, run_jobs):
    a_message(ben, ana.user)
    configure(PUSH_HOSTS=("push.example",))
    (job,) = [job for job in run_jobs(advance=SOON, may_fail=True) if job.name == "notifications.push"]
    assert (job.state, job.error, service.tried) == ("failed", "127.0.0.1 is none of PUSH_HOSTS", 0)


def test_closed_account_gets_no_push(ana, ben, db, device, service, run_jobs):
    a_message(ben, ana.user)
    ana.user.active = False
    run_jobs(advance=SOON)
    assert service.tried == 0


@pytest.mark.parametrize(("code", "lang", "direction"), [("es", "es", "ltr"), ("ar", "ar", "rtl")])
def test_push_is_in_the_readers_language(
    app, ana, ben, db, device, configure, service, run_jobs, code, lang, direction
):
    configure(LANGUAGES=("en", code))
    ana.user.language = code
    db.session.commit()
    a_message(ben, ana.user)
    run_jobs(advance=SOON)
    (message,) = service.to(device)
    assert (message["lang"], message["dir"]) == (lang, direction)
    assert "Ben Okri" in message["title"]
    if code == "es":
        assert message["title"] != "New message from Ben Okri"


def test_push_urls_include_the_path_prefix(ana, ben, device, configure, service, run_jobs):
    configure(SITE_URL="https://microblog.test/blog")
    a_message(ben, ana.user)
    run_jobs(advance=SOON)
    (push,) = service.pushes
    assert push.message["url"] == "/blog/messages/ben"
    assert push.claims["sub"] == "https://microblog.test/blog"
