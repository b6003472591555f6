"""Polls with news: answered before Flask, as the route answers them, and only for a login that is valid by then."""

from __future__ import annotations

import contextvars
import gzip
from datetime import timedelta

import pytest
from sqlalchemy import update

from app.accounts.actions import logins, passwords
from app.accounts.actions.deletion import schedule_deletion
from app.core.time import now
from app.extensions import db as the_db
from app.models import LoginSession, User
from app.moderation.actions import accounts as moderation
from app.notifications import poll_cache, publish_state
from app.web.cookies import LOGIN_KEY, PERSON_KEY
from tests.factories import a_message, a_user
from tests.polling.conftest import newest_timestamp


def test_a_poll_with_news_is_answered_before_flask(app, ana, queries, monkeypatch):
    a_message(a_user("ben"), ana.user)
    monkeypatch.setattr(app, "full_dispatch_request", None)
    with queries() as asked:
        answer = ana.get(f"/notifications?since={ana.since}")
    assert {one["name"] for one in answer.get_json()} == {"unread_message_count", "conversation"}
    assert len(asked) == 2, asked  # the clock, and the login with the news
    newest_now = max(one["timestamp"] for one in answer.get_json())
    with queries() as asked:
        assert ana.get(f"/notifications?since={newest_now}").get_json() == []
    assert len(asked) == 0, asked


def test_both_answers_to_a_poll_with_news_are_the_same(ana, valkey):
    a_message(a_user("ben"), ana.user)
    fast = ana.get(f"/notifications?since={ana.since}")
    valkey.stop()
    slow = ana.get(f"/notifications?since={ana.since}")
    assert fast.data == slow.data
    assert facts(fast) == facts(slow)


def facts(answer) -> tuple[set[tuple[str, str]], set[str]]:
    """The headers of an answer; those that its cache would compare, as a set."""
    vary = {word.strip() for line in answer.headers.getlist("Vary") for word in line.split(",")}
    return {(name, value) for name, value in answer.headers if name != "Vary"}, vary


def test_a_long_answer_is_compressed(ana, db):
    for number in range(20):
        publish_state(ana.user.id, "task_progress", {"progress": number}, subject=f"task{number}")
    db.session.commit()
    path, accepts = f"/notifications?since={ana.since}", {"Accept-Encoding": "gzip"}
    plain, packed = ana.get(path), ana.get(path, headers=accepts)
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data
    assert packed.headers["Content-Length"] == str(len(packed.data))


def test_a_cookie_that_names_another_person_hears_what_its_login_may_hear(app, as_, ana, valkey):
    ben = as_("ben")
    publish_state(ana.user.id, "unread_message_count", 5)
    the_db.session.commit()
    signer = app.session_interface.get_signing_serializer(app)
    cookie = ben.get_cookie("microblog_session", domain="microblog.test")
    mixed = signer.dumps({**signer.loads(cookie.value), PERSON_KEY: ana.user.id})
    ben.set_cookie("microblog_session", mixed, domain="microblog.test")
    for _again in range(2):
        assert ben.get("/notifications?since=0").get_json() == []
    assert not valkey.client.hexists(poll_cache.key(ana.user.id), signer.loads(cookie.value)[LOGIN_KEY])


def close_account(user) -> None:
    schedule_deletion(user)


def suspend(user) -> None:
    moderation.suspend(None, user.id)


def change_password(user) -> None:
    passwords.change_password(user, "granite swallow 41", keep=None)


def log_out(user) -> None:
    logins.end_logins(user)


def let_the_login_expire(user) -> None:
    """Without a removal of the hash: no transaction runs when a login expires."""
    the_db.session.execute(
        update(LoginSession).where(LoginSession.user_id == user.id).values(expires_at=now() - timedelta(seconds=1))
    )


def become_a_moderator(user) -> None:
    moderation.set_role(None, user.id, "moderator")


def lose_the_role(user) -> None:
    moderation.set_role(None, user.id, "member")


@pytest.fixture
def after_the_cookie(app, monkeypatch):
    """Have something be committed when the middleware has verified a cookie, and has not yet asked the database.

    `before_lease`: whether it is committed before the lease of the cache is taken, or after that.
    """

    def arrange(happen, user, *, before_lease):
        good = poll_cache._lease

        def elsewhere():
            with app.app_context():
                happen(the_db.session.get_one(User, user.id))
                the_db.session.commit()

        def then(client, user_id):
            monkeypatch.setattr(poll_cache, "_lease", good)
            lease = None if before_lease else good(client, user_id)
            contextvars.Context().run(elsewhere)
            return lease or good(client, user_id)

        monkeypatch.setattr(poll_cache, "_lease", then)

    return arrange


@pytest.mark.parametrize("before_lease", [True, False])
@pytest.mark.parametrize("end", [log_out, suspend, change_password, close_account, let_the_login_expire])
def test_login_that_ends_after_the_cookie_check_gets_no_news(ana, valkey, after_the_cookie, end, before_lease):
    a_message(a_user("ben"), ana.user)
    after_the_cookie(end, ana.user, before_lease=before_lease)
    assert ana.get(f"/notifications?since={ana.since}").status_code == 401
    assert not valkey.client.hexists(poll_cache.key(ana.user.id), "last")
    assert ana.get(f"/notifications?since={ana.since}").status_code == 401


@pytest.mark.parametrize("before_lease", [True, False])
@pytest.mark.parametrize("change", [become_a_moderator, lose_the_role])
def test_role_that_changes_after_the_cookie_check_does_not_matter(ana, db, after_the_cookie, change, before_lease):
    if change is lose_the_role:
        become_a_moderator(ana.user)
        db.session.commit()
    since = newest_timestamp(ana)
    a_message(a_user("ben"), ana.user)
    after_the_cookie(change, ana.user, before_lease=before_lease)
    told = ana.get(f"/notifications?since={since}").get_json()
    assert {one["name"] for one in told} == {"unread_message_count", "conversation"}
