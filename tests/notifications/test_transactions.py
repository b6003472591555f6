"""What is told belongs to the transaction that tells it: nothing before the commit, nothing of what was rolled back."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, event, select, update

from app.extensions import current_session
from app.jobs import enqueue
from app.models import Notification, NotificationClock, User
from app.notifications import logins_changed, publish_state
from tests.factories import a_user


def stored_notifications(db):
    """(user_id, name, subject) -> data, as committed."""
    rows = db.session.scalars(select(Notification)).all()
    return {(row.user_id, row.name, row.subject): row.data for row in rows}


def test_rollback_notifies_no_one(db):
    ana = a_user("ana")
    publish_state(ana.id, "unread_message_count", 1)
    db.session.rollback()
    db.session.commit()
    assert stored_notifications(db) == {}


def test_publishing_in_a_savepoint_raises_an_error(db):
    """A rollback to the savepoint would have to take back what was published in it."""
    ana = a_user("ana")
    publish_state(ana.id, "unread_message_count", 1)
    with db.session.begin_nested() as savepoint:
        for refused in (lambda: publish_state(ana.id, "unread_message_count", 2), lambda: logins_changed(ana.id)):
            with pytest.raises(RuntimeError, match="savepoint"):
                refused()
        savepoint.rollback()
    assert stored_notifications(db) == {}
    db.session.commit()
    assert stored_notifications(db) == {(ana.id, "unread_message_count", ""): 1}


def test_released_savepoint_publishes_nothing_before_the_commit(db):
    ana = a_user("ana")
    publish_state(ana.id, "unread_message_count", 1)
    with db.session.begin_nested():
        db.session.execute(update(User).values(name="Ana"))
    assert stored_notifications(db) == {}
    db.session.rollback()
    db.session.commit()
    assert stored_notifications(db) == {}


@pytest.mark.parametrize("end", ["rollback", "close"])
def test_ended_transaction_leaves_no_outbox_for_the_next_one(db, end):
    ana = a_user("ana")
    publish_state(ana.id, "unread_message_count", 1)
    current_session().after_commit.append(lambda: pytest.fail("of a transaction that was not committed"))
    getattr(db.session, end)()
    db.session.commit()
    assert stored_notifications(db) == {}


def test_commit_bypassing_the_outbox_raises_an_error(db):
    with pytest.raises(RuntimeError), db.session.begin():
        pytest.fail("its end would not be Session.commit()")


def test_repeated_commit_after_a_failure_writes_the_outbox(db):
    ana = a_user("ana")
    answers = iter([ValueError("not yet"), 7])

    def count() -> int:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    publish_state(ana.id, "unread_message_count", count)
    with pytest.raises(ValueError, match="not yet"):
        db.session.commit()
    db.session.commit()
    assert stored_notifications(db) == {(ana.id, "unread_message_count", ""): 7}


def test_last_published_state_of_a_transaction_wins(db):
    ana = a_user("ana")
    publish_state(ana.id, "unread_message_count", 1)
    publish_state(ana.id, "unread_message_count", 2)
    db.session.commit()
    assert stored_notifications(db) == {(ana.id, "unread_message_count", ""): 2}


def test_published_function_is_evaluated_at_the_commit(db):
    ana = a_user("ana")
    publish_state(ana.id, "unread_message_count", lambda: len(db.session.scalars(select(User)).all()))
    for name in ("ben", "cleo"):
        db.session.add(
            User(
                username=name,
                username_key=name,
                username_skeleton=name,
                email=name,
                email_key=name,
                password_hash="",
            )
        )
    db.session.commit()
    assert stored_notifications(db) == {(ana.id, "unread_message_count", ""): 3}


def test_clocks_are_locked_in_order_of_user_ids(db):
    """By one statement, which locks its rows one after the other."""
    people = [a_user(name) for name in ("ana", "ben", "cleo")]
    for person in reversed(people):
        publish_state(person.id, "unread_message_count", 1)
    seen = []

    def executed(_connection, _cursor, statement, parameters, *_):
        if NotificationClock.__tablename__ in statement:
            values = parameters.values() if isinstance(parameters, dict) else parameters
            seen.append([value for value in values if isinstance(value, int)])  # the others are times

    event.listen(Engine, "before_cursor_execute", executed)
    try:
        db.session.commit()
    finally:
        event.remove(Engine, "before_cursor_execute", executed)
    assert seen == [sorted(person.id for person in people)]


def test_only_clocks_of_notified_members_move(db):
    ana, ben, cleo = (a_user(name) for name in ("ana", "ben", "cleo"))
    publish_state(ana.id, "unread_message_count", 1)
    db.session.commit()
    before = clocks(db)
    logins_changed(ana.id)
    logins_changed(cleo.id)
    publish_state(ben.id, "unread_message_count", 1)
    db.session.commit()
    after = clocks(db)
    assert after[ana.id] == before[ana.id] > 0
    assert after[ben.id] > before.get(ben.id, 0)
    assert after[cleo.id] == before.get(cleo.id, 0)


def clocks(db):
    rows = db.session.execute(select(NotificationClock.user_id, NotificationClock.last)).all()
    return dict(map(tuple, rows))


def test_failed_commit_publishes_nothing_and_the_next_one_works(db):
    ana = a_user("ana")

    def broken() -> int:
        raise RuntimeError("no number")

    publish_state(ana.id, "unread_message_count", broken)
    with pytest.raises(RuntimeError):
        db.session.commit()
    db.session.rollback()
    publish_state(ana.id, "conversation", {}, subject="1")
    db.session.commit()
    assert stored_notifications(db) == {(ana.id, "conversation", "1"): {}}


def test_notifications_of_deleted_tasks_are_deleted(db, run_jobs):
    ana = a_user("ana")
    kept = enqueue("notifications.forget_old_tasks", owner=ana)
    gone = enqueue("notifications.forget_old_tasks", owner=ana)
    publish_state(ana.id, "unread_message_count", 1)
    db.session.commit()
    db.session.delete(gone)
    db.session.commit()
    run_jobs()
    tasks = {subject for _user, name, subject in stored_notifications(db) if name == "task_progress"}
    assert tasks == {kept.id}
    assert (ana.id, "unread_message_count", "") in stored_notifications(db)
