"""The outbox: what is published to a user is written at commit, under that user's clock lock, with its timestamp.

A user's clock is `max(now, last + 1 microsecond)`, taken under a lock on the clock's row that is held until the commit.
So timestamps follow commit order: a client that remembers the newest timestamp it saw can't skip an event that commits
later (docs/decisions/0002-per-user-clock.md).

`on_commit_locked` only registers a write. The writes run when the outermost transaction commits. The clock locks are
therefore the last ones taken, and they are taken in user-id order: two users who write to each other at the same time
can't deadlock. A job enqueued there is locked after its user's clock. No transaction locks such a job first and a clock
later.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from enum import IntEnum
from typing import NamedTuple

from sqlalchemy import case, select

from app.core.clock import now
from app.core.database import insert_into
from app.extensions import Session, current_session
from app.jobs import enqueue
from app.models import Job, NotificationClock
from app.notifications import poll_cache

TICK = 1e-6  # seconds; a double still has this resolution in the year 2100


class Phase(IntEnum):
    """The order of a user's writes: rows first, then the counts over them, then jobs for email and push."""

    ROWS = 0
    STATES = 1
    ORDERS = 2


class Write(NamedTuple):
    """One write under the clock lock; `run` is called with the new timestamp in Unix seconds."""

    phase: Phase
    run: Callable[[float], None]


Pending = dict[int, dict[Hashable, Write]]


def on_commit_locked(user_id: int, key: Hashable, run: Callable[[float], None], phase: Phase) -> None:
    """Call `run(timestamp)` under the user's clock lock when the current transaction commits.

    A later call with the same user and key replaces an earlier one.
    """
    _pending().setdefault(user_id, {})[key] = Write(phase, run)


def logins_changed(user_id: int) -> None:
    """Remove the user's poll cache when the current transaction, which ends logins, commits."""
    _pending().setdefault(user_id, {})


def _pending() -> Pending:
    session = current_session()
    if session.in_nested_transaction():
        raise RuntimeError("nothing can be published in a savepoint: a rollback to it would not take it back")
    if "outbox" not in session.info:
        session.info["outbox"] = {}
        session.before_commit.append(_write)
    pending: Pending = session.info["outbox"]
    return pending


def _write() -> None:
    session = current_session()
    pending: Pending = session.info["outbox"]
    session.flush()
    redis_is_there = True
    for user_id in sorted(pending):
        timestamp = _tick(session, user_id, advance=bool(pending[user_id]))
        for write in sorted(pending[user_id].values(), key=lambda write: write.phase):
            write.run(timestamp)
        # After the first failure only the job is used, so an outage costs one timeout.
        redis_is_there = redis_is_there and poll_cache.invalidate(user_id)
        if not redis_is_there:
            _order_removal(session, user_id)
    session.flush()


def _order_removal(session: Session, user_id: int) -> None:
    """Enqueue a job that removes the cached poll hash: Redis may come back with the old one.

    One job is enough for all changes until it runs. A queued job runs while this transaction holds the clock lock,
    or after its commit, so no hash can be filled in between.
    """
    unique_key = f"forget_poll:{user_id}"
    waiting = select(Job.id).where(Job.unique_key == unique_key, Job.state == "queued")
    if session.scalar(waiting.limit(1)) is None:
        # A delayed job is left to the scheduler from the start, which doesn't wait for our own push to RQ.
        enqueue("notifications.forget_poll", delay=1, unique_key=unique_key, user_id=user_id)


def _tick(session: Session, user_id: int, *, advance: bool) -> float:
    """Lock the user's clock, move it forward if `advance`, and return its time in Unix seconds."""
    moment = now().timestamp() if advance else 0.0
    clock = NotificationClock
    least = clock.last + TICK if advance else clock.last
    stmt = insert_into(clock).values(user_id=user_id, last=moment)
    stmt = stmt.on_conflict_do_update(
        index_elements=[clock.user_id],
        set_={"last": case((least > stmt.excluded.last, least), else_=stmt.excluded.last)},
    ).returning(clock.last)
    return float(session.execute(stmt).scalar_one())
