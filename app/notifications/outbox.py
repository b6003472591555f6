"""The per-user clock: what is told to a person is written under its lock, and bears its time.

A person's clock gives `max(now, last + 1 microsecond)` under a lock on the clock's row that is held until the commit.
So timestamps are commit order, and a client that remembers the newest one it saw cannot skip an event that commits
later (docs/decisions/0002-per-user-clock.md).

`on_commit_locked` only notes what is to be written. It is written when the outermost transaction commits, so the clock
locks are the last ones taken, in user-id order: two people who write to each other at once cannot deadlock. A job
ordered there is locked after its reader's clock, and by nobody who then wants a clock.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from enum import IntEnum
from typing import NamedTuple

from sqlalchemy import case, event, select
from sqlalchemy.orm import Session, SessionTransaction

from app.core.clock import now
from app.core.database import insert_into
from app.extensions import db
from app.jobs import enqueue
from app.models import Job, NotificationClock
from app.notifications import poll_cache

TICK = 1e-6  # seconds; a double still tells two neighbours apart in the year 2100


class Phase(IntEnum):
    """The order in which a person's writes run: rows first, then the counts over them, then mail and push."""

    ROWS = 0
    STATES = 1
    ORDERS = 2


class Write(NamedTuple):
    """One thing to do under the clock; `run` is called with the new timestamp in Unix seconds."""

    phase: Phase
    run: Callable[[float], None]


Pending = dict[int, dict[Hashable, Write]]


def on_commit_locked(user_id: int, key: Hashable, run: Callable[[float], None], phase: Phase) -> None:
    """Call `run(timestamp)` under the person's clock lock when the current transaction commits.

    The last call for one (person, key) counts.
    """
    _pending().setdefault(user_id, {})[key] = Write(phase, run)


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
    redis_is_there = True
    for user_id in sorted(pending):
        timestamp = _tick(session, user_id, advance=bool(pending[user_id]))
        for write in sorted(pending[user_id].values(), key=lambda write: write.phase):
            write.run(timestamp)
        redis_is_there = redis_is_there and poll_cache.invalidate(
            user_id
        )  # one wait for a Redis that is away is enough
        if not redis_is_there:
            _order_removal(session, user_id)
    session.flush()


def _order_removal(session: Session, user_id: int) -> None:
    """Redis may come back still holding the old copy: a durable job removes it, one for all that is told meanwhile.

    One that waits now will run while we hold the clock lock or after our commit: no hash can be filled in between.
    """
    unique_key = f"forget_poll:{user_id}"
    waiting = select(Job.id).where(Job.unique_key == unique_key, Job.state == "queued")
    if session.scalar(waiting.limit(1)) is None:
        # With a delay it is the scheduler's from the start, who does not wait to see whether a push of ours arrived.
        enqueue("notifications.forget_poll", delay=1, unique_key=unique_key, user_id=user_id)


def _tick(session: Session, user_id: int, *, advance: bool) -> float:
    """Lock the person's clock, move it forward and return its new time in Unix seconds."""
    moment = now().timestamp() if advance else 0.0
    clock = NotificationClock
    least = clock.last + TICK if advance else clock.last
    stmt = insert_into(clock).values(user_id=user_id, last=moment)
    stmt = stmt.on_conflict_do_update(
        index_elements=[clock.user_id],
        set_={"last": case((least > stmt.excluded.last, least), else_=stmt.excluded.last)},
    ).returning(clock.last)
    return float(session.execute(stmt).scalar_one())


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
