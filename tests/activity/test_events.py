"""What is an event, and that it is told once: by what people and jobs do, to the badge on pages and in the poll."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from app.accounts.actions import log_in
from app.core.time import now
from app.jobs import PermanentError, enqueue, job
from app.models import Activity, User
from app.notifications import record_event
from app.posts import actions as posts
from tests.activity.conftest import badge_counts, shown_rows
from tests.factories import PASSWORD, a_follow, a_login, a_user, acquainted


@job("test_activity.fail")
def fail(owner_id: int) -> None:
    """A job that fails at once and for good."""
    raise PermanentError("no")


def events(db, person, kind=None):
    found = select(Activity).where(Activity.user_id == person.id).order_by(Activity.id)
    return db.session.scalars(found if kind is None else found.where(Activity.kind == kind)).all()


def test_repeated_follow_records_one_event(as_, unread):
    ana, ben = as_("ana"), as_("ben")
    for path in ("/follow/ana", "/follow/ana", "/unfollow/ana", "/follow/ana"):
        assert ben.post_form(path).status_code == 303
    assert unread(ana) == 1
    assert ["ben followed you" in row.text for row in shown_rows(ana)] == [True]


def test_mention_records_one_event_per_mentioned_member_except_the_author(as_, unread, db):
    ana, ben = as_("ana"), as_("ben")
    ben.post_form("/post", {"post": "@ana and @ANA and @ben and @nobody, good morning"})
    assert unread(ana) == 1
    assert unread(ben) == 0
    assert "ben mentioned you" in shown_rows(ana)[0].text
    assert "@ana and @ANA and @ben and @nobody, good morning" in shown_rows(ana)[0].text


def test_form_sent_twice_records_one_mention(as_, unread):
    ana, ben = as_("ana"), as_("ben")
    for _ in range(2):
        ben.post_form("/post", {"post": "@ana", "form_key": "k"})
    assert unread(ana) == 1


def test_mentions_per_post_are_limited(as_, db):
    ben = as_("ben")
    names = [f"reader{number}" for number in range(posts.MAX_MENTIONS + 5)]
    for name in names:
        a_user(name)
    ben.post_form("/post", {"post": " ".join(f"@{name}" for name in names)})
    told = db.session.scalars(select(User.username).join(Activity, Activity.user_id == User.id)).all()
    assert sorted(told) == sorted(names[: posts.MAX_MENTIONS])


def test_deleting_a_post_removes_its_mentions_from_the_badge(as_, unread):
    ana, ben = as_("ana"), as_("ben")
    ben.post_form("/post", {"post": "@ana, no, wait"})
    ben.post_form("/post", {"post": "@ana, this stays"})
    assert unread(ana) == 2
    ben.post_form("/post/1/delete")
    assert unread(ana) == 1
    assert ["this stays" in row.text for row in shown_rows(ana)] == [True]


def test_login_from_a_new_browser_or_network_is_reported_except_the_first(client, db, as_, unread):
    person = a_user("ana")
    firefox = {"HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}
    chrome = {"HTTP_USER_AGENT": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0 Safari/537"}

    def enter(browser, address):
        environment = {**browser, "REMOTE_ADDR": address}
        client.delete_cookie("session")
        answer = client.submit(
            "/auth/login",
            {"username": "ana", "password": PASSWORD},
            action="/auth/login",
            environ_overrides=environment,
        )
        assert answer.status_code in {302, 303}
        client.post_form("/auth/logout", environ_overrides=environment)
        db.session.expire_all()
        return sum(event.read_at is None for event in events(db, person, "login"))

    assert enter(firefox, "192.0.2.1") == 0
    assert enter(firefox, "192.0.77.9") == 0  # the same provider has given out another address
    assert enter(chrome, "192.0.2.1") == 1
    assert enter(firefox, "198.51.100.1") == 2
    assert enter(chrome, "192.0.2.1") == 2
    ana = as_(person)
    assert unread(ana) == 2
    newest, older, first = shown_rows(ana)
    assert "New login: Firefox on Linux" in newest.text
    assert "198.51.100.1" in newest.text
    assert "New login: Chrome on Windows" in older.text
    assert not first.is_unread
    assert "First login: Firefox on Linux" in first.text and "New login" not in first.text


def test_login_from_a_place_with_an_active_session_is_not_reported(client, db):
    """Who had an account before there was Activity, or whose old events are forgotten, is not warned of themselves."""
    firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    person = a_user("ana", last_login_at=now())
    a_login(person, user_agent=firefox, address="192.0.2.1")
    for address, unread in (("192.0.99.9", 0), ("198.51.100.1", 1)):
        environment = {"HTTP_USER_AGENT": firefox, "REMOTE_ADDR": address}
        fields = {"username": "ana", "password": PASSWORD}
        client.submit("/auth/login", fields, action="/auth/login", environ_overrides=environment)
        client.post_form("/auth/logout", environ_overrides=environment)
        assert sum(event.read_at is None for event in events(db, person, "login")) == unread


def test_failed_login_records_no_event(client, db):
    person = a_user("ana")
    client.submit("/auth/login", {"username": "ana", "password": "wrong"}, action="/auth/login")
    assert events(db, person) == []


def test_finished_and_failed_tasks_are_reported(as_, db, run_jobs, unread):
    ana = as_("ana")
    ana.post_form("/export_posts")
    run_jobs()
    assert unread(ana) == 1
    assert "Your export is ready" in shown_rows(ana)[0].text
    enqueue("test_activity.fail", owner=ana.user, owner_id=ana.user.id)
    db.session.commit()
    run_jobs(may_fail=True)
    assert unread(ana) == 2
    assert "Your background task failed" in shown_rows(ana)[0].text
    assert 'href="/tasks"' in shown_rows(ana)[0].html


def test_retried_task_that_fails_is_reported_again(as_, db, run_jobs, unread):
    ana = as_("ana")
    task = enqueue("test_activity.fail", owner=ana.user, owner_id=ana.user.id)
    db.session.commit()
    run_jobs(may_fail=True)
    assert unread(ana) == 1
    assert ana.post_form(f"/tasks/{task.id}/retry").status_code == 303
    run_jobs(may_fail=True)
    assert unread(ana) == 2


def test_rollback_notifies_no_one(db, as_, unread):
    ana, ben = as_("ana"), a_user("ben")
    record_event(ana.user.id, "follow", str(ben.id), actor=ben)
    db.session.rollback()
    db.session.commit()
    assert unread(ana) == 0


def test_undeclared_event_kind_raises_key_error(db):
    with pytest.raises(KeyError):
        record_event(a_user().id, "no_such_kind", "1")


def test_same_event_recorded_by_eight_threads_is_stored_once(app, db, as_, unread):
    ana, ben = as_("ana"), a_user("ben")
    reader, actor = ana.user.id, ben.id
    db.session.commit()

    def tell(_turn):
        with app.app_context():
            record_event(reader, "follow", "the same", actor=db.session.get(User, actor))
            db.session.commit()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(tell, range(8)))
    assert unread(ana) == 1


@pytest.mark.slow
def test_simultaneous_mutual_mentions_do_not_deadlock(app, db, as_, unread):
    """Each tells the other and a third person, within one transaction each, again and again."""
    ana, ben, zoe = as_("ana"), as_("ben"), as_("zoe")
    ids = {name: browser.user.id for name, browser in (("ana", ana), ("ben", ben), ("zoe", zoe))}
    db.session.commit()

    def write(who):
        others = [name for name in ids if name != who]
        for turn in range(20):
            with app.app_context():
                author = db.session.get(User, ids[who])
                post = posts.publish(author, f"{turn} @{others[1]} @{others[0]}")
                if turn % 3 == 0:
                    db.session.commit()
                    posts.delete(author, post)
                db.session.commit()
        return True

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(write, ids)) == [True] * 3
    for browser in (ana, ben, zoe):
        assert unread(browser) == 26


# --- Filters by sender


@pytest.mark.parametrize(
    ("filters", "age", "follows", "kept", "held"),
    [
        ({}, 0, False, 1, 0),
        ({"not_following": "hold"}, 30, False, 1, 1),
        ({"not_following": "hold"}, 30, True, 1, 0),
        ({"not_following": "drop"}, 30, False, 0, 0),
        ({"new_account": "hold"}, 3, True, 1, 1),
        ({"new_account": "hold"}, 8, False, 1, 0),
        ({"new_account": "drop"}, 3, True, 0, 0),
        ({"not_following": "hold", "new_account": "drop"}, 3, False, 0, 0),
        ({"not_following": "drop", "new_account": "hold"}, 3, False, 0, 0),
        ({"not_following": "hold", "new_account": "hold"}, 3, False, 1, 1),
        ({"not_following": "hold", "new_account": "accept"}, 3, False, 1, 1),
    ],
)
def test_filters_accept_hold_or_drop_and_the_stricter_wins(
    as_, db, set_preferences, unread, filters, age, follows, kept, held
):
    ana, ben = as_("ana"), as_("ben")
    ben.user.created_at = now() - timedelta(days=age)
    if follows:
        a_follow(ana.user, ben.user)
    set_preferences(ana.user, **filters)
    ben.post_form("/post", {"post": "hello @ana"})
    rows = events(db, ana.user)
    assert (len(rows), sum(bool(row.filtered_by) for row in rows)) == (kept, held)
    assert unread(ana) == kept - held
    assert len(shown_rows(ana)) == kept - held


def test_filters_do_not_apply_to_system_events(as_, db, set_preferences, run_jobs, unread):
    ana = as_("ana")
    set_preferences(ana.user, not_following="drop", new_account="drop")
    ana.post_form("/export_posts")
    run_jobs()
    log_in(ana.user, user_agent="", address="", remember=False)
    log_in(ana.user, user_agent="Firefox/1", address="", remember=False)
    db.session.commit()
    assert {event.kind for event in events(db, ana.user)} == {"job_done", "login"}
    assert unread(ana) == 2


def test_held_event_does_not_notify_and_is_not_reported_later(as_, db, set_preferences, unread):
    ana, ben = as_("ana"), as_("ben")
    set_preferences(ana.user, not_following="hold")
    ben.post_form("/follow/ana")
    set_preferences(ana.user, not_following="accept")
    ben.post_form("/unfollow/ana")
    ben.post_form("/follow/ana")
    assert unread(ana) == 0
    assert db.session.scalar(select(func.count()).select_from(Activity)) == 1


def test_kind_without_badge_is_shown_but_not_counted(as_, db, set_preferences):
    ana, ben = as_("ana"), as_("ben")
    set_preferences(ana.user, "follow", badge=False)
    ben.post_form("/follow/ana")
    ben.post_form("/post", {"post": "hello @ana"})
    assert badge_counts(ana) == {"unread_message_count": 0, "unread_activity_count": 1}
    assert [(row.kind, row.has_dot, row.is_unread) for row in shown_rows(ana)] == [
        ("mention", True, True),
        ("follow", False, True),
    ]


def test_message_badge_and_activity_badge_count_separately(as_, unread):
    ana, ben = as_("ana"), as_("ben")
    acquainted(ana.user, ben.user)
    ben.post_form("/send_message/ana", {"message": "one"})
    ben.post_form("/send_message/ana", {"message": "two"})
    ben.post_form("/follow/ana")
    for path in ("/", "/explore", "/messages", "/activity", "/user/ben"):
        assert badge_counts(ana, path) == {"unread_message_count": 2, "unread_activity_count": 1}
