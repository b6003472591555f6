"""GET /notifications?since=<float>, to the letter of its contract."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.core.time import now
from app.models import Notification, NotificationClock, User
from app.notifications import logins_changed, publish_state
from tests.factories import a_login, a_user


@pytest.fixture
def notify(db):
    """Notify and commit."""

    def told(person, name="unread_message_count", data=1, subject=""):
        publish_state(person.id, name, data, subject)
        db.session.commit()

    return told


@pytest.mark.parametrize(
    "since",
    [
        "",
        " ",
        "abc",
        "-1",
        "-0",
        "+1",
        " 1",
        "1 ",
        "1_0",
        "1e3",
        "1.",
        ".5",
        "1.5.5",
        "0x10",
        "nan",
        "NaN",
        "inf",
        "-inf",
        "Infinity",
        "١٢",
        "１２",
        "1,5",
        "9" * 400,
        "1" * 16,
        "1." + "1" * 400,
        "1\n",
        "1\0",
        "0;DROP TABLE notification",
    ],
)
def test_malformed_since_returns_400_as_json(as_, since):
    response = as_("ana").get("/notifications", query_string={"since": since})
    assert response.status_code == 400
    assert response.is_json
    assert "since" in response.get_json()["error"]
    assert "Set-Cookie" not in response.headers


@pytest.mark.parametrize("since", ["0", "0.0", "1", "000", "1700000000.123456", "999999999999999"])
def test_decimal_since_is_accepted(as_, since):
    response = as_("ana").get(f"/notifications?since={since}")
    assert response.status_code == 200
    assert response.get_json() == []


def test_visitor_poll_returns_401_as_json(client):
    for since in ("", "?since=0", "?since=nan"):
        response = client.get(f"/notifications{since}")
        assert response.status_code == 401
        assert response.is_json
        assert "Set-Cookie" not in response.headers


@pytest.mark.parametrize(
    "cookie", ["", "x", "." * 5000, "eyJhIjoxfQ.x", "null", "\u00e4", 'e30.""', "[]", "{}.AAAA.BBBB"]
)
def test_forged_session_cookie_returns_401(client, cookie):
    response = client.get(
        "/notifications", headers={"Cookie": f"microblog_session={cookie}".encode().decode("latin-1")}
    )
    assert response.status_code == 401


def test_poll_accepts_only_get_requests(as_):
    ana = as_("ana")
    assert ana.post_form("/notifications").status_code == 405
    assert ana.head("/notifications").status_code == 200
    assert ana.delete("/notifications", headers={"X-CSRFToken": ana.csrf_token()}).status_code == 405


def test_notification_has_name_data_and_timestamp(as_, notify):
    ana = as_("ana")
    notify(ana.user, data=3)
    response = ana.get("/notifications")
    (told,) = response.get_json()
    assert set(told) == {"name", "data", "timestamp"}
    assert told["name"] == "unread_message_count"
    assert told["data"] == 3
    assert abs(told["timestamp"] - now().timestamp()) < 5
    assert response.content_type == "application/json"


def test_poll_returns_newer_notifications_oldest_first(as_, notify):
    ana = as_("ana")
    for number in (3, 1, 2):
        notify(ana.user, "task_progress", {"progress": number}, subject=f"task{number}")
    told = ana.get("/notifications?since=0").get_json()
    assert [one["data"]["progress"] for one in told] == [3, 1, 2]
    stamps = [one["timestamp"] for one in told]
    assert stamps == sorted(set(stamps))
    newer = ana.get(f"/notifications?since={stamps[0]}").get_json()
    assert newer == told[1:]
    assert ana.get(f"/notifications?since={stamps[-1]}").get_json() == []


def test_since_survives_conversion_to_text(as_, notify):
    ana = as_("ana")
    for _ in range(20):
        notify(ana.user)
        (told,) = ana.get("/notifications").get_json()
        assert ana.get(f"/notifications?since={told['timestamp']}").get_json() == []
        assert ana.get(f"/notifications?since={told['timestamp']:.6f}").get_json() == []


def test_one_notification_is_stored_per_name_and_subject(as_, notify, db):
    ana = as_("ana")
    notify(ana.user, data=1)
    notify(ana.user, "conversation", {"with": "ben"}, subject="1")
    notify(ana.user, "conversation", {"with": "cleo"}, subject="2")
    notify(ana.user, data=2)
    assert len(db.session.scalars(select(Notification)).all()) == 3
    told = ana.get("/notifications").get_json()
    assert [one["data"] for one in told] == [{"with": "ben"}, {"with": "cleo"}, 2]


def test_since_ahead_of_the_clock_returns_everything(as_, notify):
    ana = as_("ana")
    notify(ana.user, data=7)
    ahead = now().timestamp() + 86_400
    for _ in range(2):
        told = ana.get(f"/notifications?since={ahead}").get_json()
        assert [one["data"] for one in told] == [7]


def test_poll_writes_nothing_and_sets_no_cookie(as_, notify, db):
    ana = as_("ana")
    notify(ana.user)
    login = a_login(ana.user, last_used_at=now() - timedelta(days=3))
    before = (login.last_used_at, login.expires_at, ana.user.last_seen)
    for path in ("/notifications", "/notifications?since=1", "/notifications?since=x"):
        assert "Set-Cookie" not in ana.get(path).headers
    assert (login.last_used_at, login.expires_at, ana.user.last_seen) == before
    assert db.session.scalar(select(User.last_seen)) is None


def test_poll_response_contains_the_poll_interval(as_, app):
    ana = as_("ana")
    for path in ("/notifications?since=0", "/notifications?since=0", "/notifications"):
        response = ana.get(path)
        assert response.headers["Poll-Interval"] == str(app.config["POLL_INTERVAL"])
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_notifications_of_other_members_are_not_returned(as_, notify):
    ana, ben = as_("ana"), as_("ben")
    notify(ana.user, data=5)
    assert ben.get("/notifications").get_json() == []
    assert len(ana.get("/notifications").get_json()) == 1


def test_deactivated_member_gets_401(as_, db):
    ana = as_("ana")
    assert ana.get("/notifications").status_code == 200
    ana.user.active = False
    logins_changed(ana.user.id)
    db.session.commit()
    assert ana.get("/notifications").status_code == 401


def test_expired_login_gets_401(app, as_, db):
    ana = as_("ana")
    login = a_login(ana.user)
    login.expires_at = now() - timedelta(seconds=1)
    db.session.commit()
    other = as_(ana.user)
    content = other.get_cookie("microblog_session", domain="microblog.test")
    assert content is not None
    signer = app.session_interface.get_signing_serializer(app)
    value = signer.dumps({**signer.loads(content.value), "_user_id": login.id})
    other.set_cookie("microblog_session", value, domain="microblog.test")
    assert other.get("/notifications").status_code == 401


def test_timestamps_increase_when_the_clock_is_set_back(as_, notify, time_machine, db):
    time_machine.move_to(now())
    ana = as_("ana")
    notify(ana.user, data=1)
    (first,) = ana.get("/notifications").get_json()
    time_machine.shift(-3600)
    notify(ana.user, data=2)
    (second,) = ana.get(f"/notifications?since={first['timestamp']}").get_json()
    assert second["data"] == 2
    assert second["timestamp"] > first["timestamp"]
    time_machine.shift(3600)
    notify(ana.user, data=3)
    (third,) = ana.get(f"/notifications?since={second['timestamp']}").get_json()
    assert third["timestamp"] > second["timestamp"]
    assert db.session.scalar(select(NotificationClock.last)) == third["timestamp"]


def test_clock_ticks_at_the_same_instant_are_distinct(db, notify, time_machine):
    time_machine.move_to(1_800_000_000, tick=False)
    ana = a_user("ana")
    seen = set()
    for _ in range(50):
        notify(ana)
        seen.add(db.session.scalar(select(NotificationClock.last)))
    assert len(seen) == 50
