"""The idle poll: no SQL, and never wrong."""

from __future__ import annotations

import contextvars
import signal
import time
from datetime import timedelta

import pytest
from sqlalchemy import delete, select

from app.core import redis_client
from app.core.redis_client import Breaker, RedisUnavailable
from app.core.time import now
from app.extensions import db as the_db
from app.messages import actions
from app.messages.queries import conversations
from app.models import Conversation, Job, LoginSession
from app.notifications import logins_changed, poll_cache, publish_state
from app.queries import people
from tests.factories import a_message, a_user
from tests.polling.conftest import newest_timestamp
from tests.support.databases import PATIENCE


def test_idle_poll_takes_no_sql(ana, queries):
    with queries() as asked:
        response = ana.get(f"/notifications?since={ana.since}")
    assert response.get_json() == []
    assert len(asked) == 0, asked


def test_idle_poll_without_any_notification_takes_no_sql(as_, queries):
    ben = as_("ben")
    since = newest_timestamp(ben)
    with queries() as asked:
        assert ben.get(f"/notifications?since={since}").get_json() == []
    assert len(asked) == 0, asked


def test_poll_with_new_notifications_takes_few_statements(ana, queries):
    a_message(a_user("ben"), ana.user)
    with queries() as asked:
        assert len(ana.get(f"/notifications?since={ana.since}").get_json()) == 2
    assert len(asked) <= 4, asked  # the login, the news, and the lock and the login for the cache


def test_new_message_ends_idle_polls_immediately(ana):
    assert ana.get(f"/notifications?since={ana.since}").get_json() == []
    a_message(a_user("ben"), ana.user)
    told = {one["name"]: one["data"] for one in ana.get(f"/notifications?since={ana.since}").get_json()}
    assert told["unread_message_count"] == 1
    assert told["conversation"]["with"] == "ben"


def test_reading_is_published_to_the_other_tab(ana, db):
    ben = a_user("ben")
    message = a_message(ben, ana.user)
    since = newest_timestamp(ana)
    assert ana.get(f"/notifications?since={since}").get_json() == []
    conversation = db.session.get_one(Conversation, message.conversation_id)
    actions.mark_read(ana.user, conversation, message.seq)
    db.session.commit()
    (told,) = ana.get(f"/notifications?since={since}").get_json()
    assert (told["name"], told["data"]) == ("unread_message_count", 0)
    assert conversations.between(ana.user, ben) is not None


def test_revoked_login_gets_401_immediately(ana, as_, db, queries):
    other = as_(ana.user)
    newest_timestamp(ana)
    newest_timestamp(other)
    signer = ana.application.session_interface.get_signing_serializer(ana.application)
    cookie = ana.get_cookie("microblog_session", domain="microblog.test")
    db.session.execute(delete(LoginSession).where(LoginSession.id == signer.loads(cookie.value)["_user_id"]))
    logins_changed(ana.user.id)
    db.session.commit()
    assert ana.get(f"/notifications?since={ana.since}").status_code == 401
    assert other.get(f"/notifications?since={ana.since}").status_code == 200
    assert ana.get(f"/notifications?since={ana.since}").status_code == 401


def test_rollback_keeps_the_cached_idle_answer_valid(ana, db):
    publish_state(ana.user.id, "unread_message_count", 9)
    db.session.rollback()
    assert ana.get(f"/notifications?since={ana.since}").get_json() == []


def test_database_answers_polls_without_redis(ana, valkey):
    valkey.stop()
    assert ana.get(f"/notifications?since={ana.since}").get_json() == []
    a_message(a_user("ben"), ana.user)
    assert len(ana.get(f"/notifications?since={ana.since}").get_json()) == 2


def jobs_named(db, name: str) -> list[Job]:
    return list(db.session.scalars(select(Job).where(Job.name == name)).all())


def test_missed_invalidation_is_repeated_when_redis_is_back(ana, valkey, run_jobs, app, db):
    """Redis is paused while messages are sent, and comes back with its old copy. One job is enough for all of them."""
    valkey.signal(signal.SIGSTOP)
    for _ in range(3):
        a_message(people.by_username("ben") or a_user("ben"), ana.user)
    assert [job.args for job in jobs_named(db, "notifications.forget_poll")].count({"user_id": ana.user.id}) == 1
    valkey.signal(signal.SIGCONT)
    vars(app.extensions["redis_breaker"]).update(vars(Breaker()))  # two seconds later
    stale = poll_cache.key(ana.user.id).encode()
    run_jobs(advance=1)
    assert valkey.client.exists(stale) == 0
    assert len(ana.get(f"/notifications?since={ana.since}").get_json()) == 2


def test_flushed_redis_is_refilled(ana, valkey, queries):
    valkey.flush()
    assert ana.get(f"/notifications?since={ana.since}").get_json() == []
    with queries() as asked:
        ana.get(f"/notifications?since={ana.since}")
    assert len(asked) == 0, asked


def test_restarted_redis_is_used_again_immediately(ana, valkey, queries):
    """The connections that it closed meanwhile cost nothing: no failure is counted, and no circuit breaker opens."""
    valkey.stop()
    valkey.start()
    assert ana.get(f"/notifications?since={ana.since}").get_json() == []
    with queries() as asked:
        assert ana.get(f"/notifications?since={ana.since}").get_json() == []
    assert len(asked) == 0, asked


def test_invalid_values_in_redis_are_ignored(ana, valkey):
    key = poll_cache.key(ana.user.id)
    for value in (b"nan", b"", b"x", b"\xff"):
        valkey.client.hset(key, "last", value)
        assert ana.get(f"/notifications?since={ana.since}").get_json() == []
    valkey.client.delete(key)
    valkey.client.set(key, "not a hash")
    assert ana.get(f"/notifications?since={ana.since}").get_json() == []


def test_cache_is_not_filled_while_a_writer_holds_the_clock(app, ana, db, valkey):
    """A writer that holds the clock keeps `fill` out, without making it wait; its commit is then heard."""
    login = ana.application.session_interface.get_signing_serializer(app)
    cookie = ana.get_cookie("microblog_session", domain="microblog.test")
    login_id = login.loads(cookie.value)["_user_id"]
    valkey.flush()
    seen = []

    def count() -> int:  # called under the clock lock
        started = time.monotonic()
        contextvars.Context().run(fill_elsewhere, app, ana.user.id, login_id)
        seen.append((time.monotonic() - started, valkey.client.hexists(poll_cache.key(ana.user.id), "last")))
        return 4

    publish_state(ana.user.id, "unread_message_count", count)
    db.session.commit()
    ((waited, filled),) = seen
    assert waited < PATIENCE / 2  # who waits for the lock does so for longer
    assert not filled
    assert ana.get(f"/notifications?since={ana.since}").get_json()[0]["data"] == 4


def fill_elsewhere(app, user_id, login_id) -> None:
    """As another process would."""
    with app.app_context():
        poll_cache.fill(user_id, login_id)


@pytest.mark.parametrize("why", ["deactivated", "expired"])
def test_login_that_ended_meanwhile_is_not_cached(ana, db, valkey, why):
    """The poll began before the end and fills the cache after it."""
    login = db.session.scalars(select(LoginSession)).one()
    if why == "deactivated":
        ana.user.active = False
    else:
        login.expires_at = now() - timedelta(seconds=1)
    logins_changed(ana.user.id)
    db.session.commit()
    poll_cache.fill(ana.user.id, login.id)
    assert valkey.client.hkeys(poll_cache.key(ana.user.id)) == [b"server", b"lease"]


@pytest.fixture
def under_the_lock(monkeypatch):
    """Have something happen, once, when `fill` has read the clock and is about to write."""

    def arrange(happen):
        good = poll_cache._lock_clock

        def then(connection, user_id):
            monkeypatch.setattr(poll_cache, "_lock_clock", good)
            answer = good(connection, user_id)
            happen(connection)
            return answer

        monkeypatch.setattr(poll_cache, "_lock_clock", then)

    return arrange


def test_message_between_the_read_and_the_fill_is_not_hidden(ana, valkey, monkeypatch):
    """The filler has let the lock go, so a writer can come before it: the writer's removal has changed the lease."""
    ben, good = a_user("ben"), poll_cache.format_timestamp
    valkey.flush()

    def send(timestamp):
        monkeypatch.setattr(poll_cache, "format_timestamp", good)
        a_message(ben, ana.user)
        return good(timestamp)

    monkeypatch.setattr(poll_cache, "format_timestamp", send)
    assert ana.get(f"/notifications?since={ana.since}").get_json() == []
    assert not valkey.client.hexists(poll_cache.key(ana.user.id), "last")
    assert len(ana.get(f"/notifications?since={ana.since}").get_json()) == 2


def test_late_cache_fill_is_ignored(ana, db, valkey, under_the_lock, monkeypatch):
    """The filler waits in vain for an answer, gives up and lets the lock go; a message is sent; then Redis gets it."""
    ben, late = a_user("ben"), []
    valkey.flush()

    def no_answer(command):
        late.append(command)
        raise RedisUnavailable("no answer in time")

    with monkeypatch.context() as patched:
        under_the_lock(lambda _connection: patched.setattr(redis_client, "execute", no_answer))
        assert ana.get(f"/notifications?since={ana.since}").get_json() == []
    a_message(ben, ana.user)
    for command in late:
        command(redis_client.client())
    assert late
    assert len(ana.get(f"/notifications?since={ana.since}").get_json()) == 2


def test_cache_fill_without_its_lock_changes_nothing(ana, db, valkey, under_the_lock):
    """The database restarts while the filler is paused: the lock is gone and it does not know."""
    ben = a_user("ben")
    valkey.flush()

    def lose_the_lock(connection):
        connection.rollback()
        a_message(ben, ana.user)

    under_the_lock(lose_the_lock)
    poll_cache.fill(ana.user.id, db.session.scalars(select(LoginSession)).one().id)
    assert not valkey.client.hexists(poll_cache.key(ana.user.id), "last")


def test_redis_without_free_memory_still_invalidates(ana, as_, valkey, app):
    """It takes nothing more, and goes on answering what it has."""
    ben = as_("ben")
    try:
        valkey.client.config_set("maxmemory", 1)
        assert ben.get("/notifications").status_code == 200  # what it finds cannot be kept
        a_message(ben.user, ana.user)
    finally:
        valkey.client.config_set("maxmemory", 0)
    vars(app.extensions["redis_breaker"]).update(vars(Breaker()))  # two seconds later
    assert len(ana.get(f"/notifications?since={ana.since}").get_json()) == 2


def test_one_command_removes_the_hashes_of_all_members(ana, as_, valkey):
    ben = as_("ben")
    newest_timestamp(ben)
    valkey.client.config_resetstat()
    a_message(ben.user, ana.user)
    assert valkey.client.exists(poll_cache.key(ana.user.id), poll_cache.key(ben.user.id)) == 0
    assert valkey.client.info("commandstats")["cmdstat_del"]["calls"] == 1


def test_refilling_the_cache_does_not_extend_its_expiry(ana, valkey):
    key = poll_cache.key(ana.user.id)
    valkey.client.expire(key, 10)
    newest_timestamp(ana)
    assert valkey.client.ttl(key) <= 10


def test_redis_restored_from_an_older_snapshot_is_not_trusted(ana, valkey):
    """Its file has the answer, and lacks the removal."""
    valkey.client.save()
    try:
        a_message(a_user("ben"), ana.user)
        valkey.stop()
        valkey.start()
        assert valkey.client.hexists(poll_cache.key(ana.user.id), "last")
        assert len(ana.get(f"/notifications?since={ana.since}").get_json()) == 2
        assert len(ana.get(f"/notifications?since={ana.since}").get_json()) == 2
    finally:
        (valkey.folder / "dump.rdb").unlink()


def test_logins_cached_by_an_earlier_redis_process_are_dropped(ana, as_, valkey):
    """A login that ended since would be among them."""
    newest_timestamp(as_(ana.user))
    newest_timestamp(ana)
    assert valkey.client.hlen(poll_cache.key(ana.user.id)) == 5
    valkey.client.hset(poll_cache.key(ana.user.id), "server", "another")
    newest_timestamp(ana)
    assert valkey.client.hlen(poll_cache.key(ana.user.id)) == 4  # the run, the lease, the timestamp, one login


def test_open_breaker_still_allows_invalidation(ana, app):
    """Another process, whose breaker is closed, would go on answering from the hash."""
    assert ana.get(f"/notifications?since={ana.since!r}").get_json() == []
    key, client = poll_cache.key(ana.user.id), app.extensions["redis"]
    assert client.hget(key, "last") is not None
    app.extensions["redis_breaker"]._open_until = time.monotonic() + 60
    publish_state(ana.user.id, "unread_message_count", 2)
    the_db.session.commit()
    assert client.exists(key) == 0


def test_only_one_invalidation_waits_for_a_hanging_redis(ana, valkey):
    """Each holds its reader's clock while it waits, and on SQLite the one lock there is."""
    waited = []
    valkey.signal(signal.SIGSTOP)
    try:
        for _ in range(4):
            began = time.monotonic()
            assert not poll_cache.invalidate(ana.user.id)
            waited.append(time.monotonic() - began)
    finally:
        valkey.signal(signal.SIGCONT)
    assert waited[0] >= redis_client.TIMEOUT
    assert sorted(waited[1:])[1] < redis_client.TIMEOUT / 2
