"""What is told belongs to the transaction that tells it: nothing before the commit, nothing of what was rolled back."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from app.jobs import enqueue
from app.models import Notification, NotificationClock, User
from app.notifications import publish_state
from tests.factories import a_user


def told(db):
    """(user_id, name, subject) -> data, as committed."""
    rows = db.session.scalars(select(Notification)).all()
    return {(row.user_id, row.name, row.subject): row.data for row in rows}


def test_a_rollback_tells_nothing(db):
    ana = a_user("ana")
    publish_state(ana.id, "unread_message_count", 1)
    db.session.rollback()
    db.session.commit()
    assert told(db) == {}


def test_a_savepoint_that_is_rolled_back_tells_nothing(db):
    ana = a_user("ana")
    publish_state(ana.id, "unread_message_count", 1)
    with db.session.begin_nested() as savepoint:
        publish_state(ana.id, "unread_message_count", 2)
        publish_state(ana.id, "task_progress", {}, subject="t")
        savepoint.rollback()
    db.session.commit()
    assert told(db) == {(ana.id, "unread_message_count", ""): 1}


def test_savepoints_in_savepoints(db):
    ana = a_user("ana")
    with db.session.begin_nested():
        publish_state(ana.id, "unread_message_count", 1)
        with pytest.raises(ValueError, match="no"), db.session.begin_nested():
            publish_state(ana.id, "unread_message_count", 2)
            with db.session.begin_nested():
                publish_state(ana.id, "unread_message_count", 3)
            raise ValueError("no")
        with db.session.begin_nested():
            publish_state(ana.id, "conversation", {}, subject="1")
    assert told(db) == {}
    db.session.commit()
    assert told(db) == {(ana.id, "unread_message_count", ""): 1, (ana.id, "conversation", "1"): {}}


def test_a_released_savepoint_waits_for_the_outermost_commit(db):
    ana = a_user("ana")
    with db.session.begin_nested():
        publish_state(ana.id, "unread_message_count", 1)
    db.session.rollback()
    db.session.commit()
    assert told(db) == {}


def test_the_last_word_in_a_transaction_counts(db):
    ana = a_user("ana")
    publish_state(ana.id, "unread_message_count", 1)
    publish_state(ana.id, "unread_message_count", 2)
    db.session.commit()
    assert told(db) == {(ana.id, "unread_message_count", ""): 2}


def test_data_given_as_a_function_is_computed_at_the_commit(db):
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
    assert told(db) == {(ana.id, "unread_message_count", ""): 3}


def test_clocks_are_locked_in_the_order_of_user_ids(db, queries):
    people = [a_user(name) for name in ("ana", "ben", "cleo")]
    for person in reversed(people):
        publish_state(person.id, "unread_message_count", 1)
    with queries() as asked:
        db.session.commit()
    clocks = [statement for statement in asked if NotificationClock.__tablename__ in statement]
    assert len(clocks) == 3, asked
    stamps = db.session.execute(select(Notification.user_id).order_by(Notification.timestamp)).scalars().all()
    assert stamps == sorted(stamps)


def test_a_failure_in_the_commit_tells_nothing_and_the_next_one_works(db):
    ana = a_user("ana")

    def broken() -> int:
        raise RuntimeError("no number")

    publish_state(ana.id, "unread_message_count", broken)
    with pytest.raises(RuntimeError):
        db.session.commit()
    db.session.rollback()
    publish_state(ana.id, "conversation", {}, subject="1")
    db.session.commit()
    assert told(db) == {(ana.id, "conversation", "1"): {}}


def test_what_was_told_of_a_forgotten_task_is_forgotten_too(db, run_jobs):
    ana = a_user("ana")
    kept = enqueue("notifications.forget_old_tasks", owner=ana)
    gone = enqueue("notifications.forget_old_tasks", owner=ana)
    publish_state(ana.id, "unread_message_count", 1)
    db.session.commit()
    db.session.delete(gone)
    db.session.commit()
    run_jobs()
    tasks = {subject for _user, name, subject in told(db) if name == "task_progress"}
    assert tasks == {kept.id}
    assert (ana.id, "unread_message_count", "") in told(db)
