"""The only writer of notifications, and keeper of the per-user clock.

A notification is a state told whole: one row for each (person, name, subject). Its timestamp comes from the person's
own clock, `max(now, last + 1 microsecond)`, taken under a lock on the clock's row that is held until the commit. So
timestamps are commit order, and a client that remembers the newest one it saw cannot skip an event that commits later
(docs/decisions/0002-per-user-clock.md).

`notify` only notes what is to be told. It is written when the outermost transaction commits, so the clock locks are
the last ones taken, in user-id order: two people who write to each other at once cannot deadlock. Data given as a
function is computed then, under the lock: a count stored in a notification is never older than its timestamp.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import case, delete, event, select
from sqlalchemy.orm import Session, SessionTransaction

from app import poll_cache
from app.clock import now
from app.database import insert_into, writing
from app.extensions import db
from app.jobs import enqueue, job, when_changed
from app.models import Job, Notification, NotificationClock

TICK = 1e-6  # seconds; a double still tells two neighbours apart in the year 2100

Pending = dict[int, dict[tuple[str, str], Any]]
Data = Any | Callable[[], Any]


def notify(user_id: int, name: str, data: Data, subject: str = "") -> None:
    """Tell a person the state `data` under `name` when the current transaction commits.

    `data` is JSON, or a function that gives it, called under the person's clock lock. `subject` separates two states
    of one name (two tasks, two conversations). The last call for one (person, name, subject) counts.
    """
    _pending().setdefault(user_id, {})[name, subject] = data


def logins_changed(user_id: int) -> None:
    """Make polls ask the database again when the current transaction, which ends logins, commits."""
    _pending().setdefault(user_id, {})


def _pending() -> Pending:
    session = db.session()
    if not session.in_transaction():
        session.begin()  # what is noted before the first statement belongs to a transaction too, and its rollback
    pending: Pending = session.info.setdefault("notifications", {})
    return pending


@event.listens_for(db.session, "before_commit")
def _tell(session: Session) -> None:
    if session.in_nested_transaction():
        return
    pending: Pending = session.info.pop("notifications", {})
    if not pending:
        return
    session.flush()
    for user_id in sorted(pending):
        timestamp = _tick(session, user_id, advance=bool(pending[user_id]))
        for (name, subject), data in pending[user_id].items():
            _write(session, user_id, name, subject, data() if callable(data) else data, timestamp)
        if not poll_cache.forget(user_id):
            _order_removal(session, user_id)
    session.flush()


def _order_removal(session: Session, user_id: int) -> None:
    """Redis may come back still holding the old copy: a durable job removes it, one for all that is told meanwhile.

    One that waits now will run while we hold the clock lock or after our commit: no hash can be filled in between.
    """
    unique_key = f"forget_poll:{user_id}"
    waiting = select(Job.id).where(Job.unique_key == unique_key, Job.state == "queued")
    if session.scalar(waiting.limit(1)) is None:
        # With a delay it is the sweeper's from the start, who does not wait to see whether a push of ours arrived.
        enqueue("notifications.forget_poll", delay=1, unique_key=unique_key, user_id=user_id)


def _tick(session: Session, user_id: int, *, advance: bool) -> float:
    """Lock the person's clock, move it forward and return its new time in Unix seconds."""
    moment = now().timestamp() if advance else 0.0
    clock = NotificationClock
    least = clock.last + TICK if advance else clock.last
    order = insert_into(clock).values(user_id=user_id, last=moment)
    order = order.on_conflict_do_update(
        index_elements=[clock.user_id],
        set_={"last": case((least > order.excluded.last, least), else_=order.excluded.last)},
    ).returning(clock.last)
    return float(session.execute(order).scalar_one())


def _write(session: Session, user_id: int, name: str, subject: str, data: Any, timestamp: float) -> None:
    order = insert_into(Notification).values(
        user_id=user_id, name=name, subject=subject, data=data, timestamp=timestamp
    )
    session.execute(
        order.on_conflict_do_update(
            index_elements=[Notification.user_id, Notification.name, Notification.subject],
            set_={"data": order.excluded.data, "timestamp": order.excluded.timestamp},
        )
    )


@event.listens_for(db.session, "after_transaction_create")
def _remember(session: Session, transaction: SessionTransaction) -> None:
    if transaction.nested:
        before = {user_id: dict(told) for user_id, told in session.info.get("notifications", {}).items()}
        session.info.setdefault("notifications_before", {})[transaction] = before


@event.listens_for(db.session, "after_rollback")
def _forget(session: Session) -> None:
    # This event comes while the savepoint is still known; after_soft_rollback comes when it is gone.
    savepoint = session.get_nested_transaction()
    if savepoint is not None:
        session.info["notifications"] = session.info.get("notifications_before", {}).pop(savepoint, {})
    else:
        session.info.pop("notifications", None)


@event.listens_for(db.session, "after_transaction_end")
def _clean(session: Session, transaction: SessionTransaction) -> None:
    session.info.get("notifications_before", {}).pop(transaction, None)


@when_changed
def _tell_owner(task: Job) -> None:
    """The owner's pages show every change of their task."""
    if task.owner_id is not None:
        state = {"task_id": task.id, "progress": task.progress, "state": task.state}
        notify(task.owner_id, "task_progress", state, subject=task.id)


@job("notifications.forget_poll")
def forget_poll(user_id: int) -> None:
    """Remove a poll answer that could not be removed at the commit. Running twice removes it twice."""
    if not poll_cache.forget(user_id):
        raise ConnectionError("Redis is away")


@job("notifications.forget_old_tasks", every=24 * 3600)
def forget_old_tasks() -> None:
    """Remove what was told of tasks that are forgotten by now, or a person's list would grow with every task.

    Running twice finds nothing the second time.
    """
    known = select(Job.id).where(Job.id == Notification.subject).exists()
    with writing():
        db.session.execute(
            delete(Notification)
            .where(Notification.name == "task_progress", ~known)
            .execution_options(synchronize_session=False)
        )
