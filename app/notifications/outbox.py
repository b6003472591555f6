"""The outbox: writes that notify a user are registered during a transaction and run when it commits.

They run under a lock on the user's clock (the row in `notification_clock`), which is held until the commit. Their
timestamp is the clock's new value, `max(now, last + 1 microsecond)`. Timestamps therefore follow commit order: a client
that remembers the newest timestamp it saw can't skip an event that commits later
(docs/decisions/0002-per-user-clock.md).

To prevent deadlocks, clocks are locked only by `session.commit()`, after all other locks of the transaction and in the
order of user ids. The one exception is a job that such a write enqueues: its row is locked after the clock. So a
transaction that has locked such a job must not lock a clock afterwards.
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
    """The order of the writes for one user: rows, then the counts of these rows, then jobs that send email and push."""

    ROWS = 0
    STATES = 1
    ORDERS = 2


class Write(NamedTuple):
    """A registered write. `run` is called under the clock lock with the clock's new value, in Unix seconds."""

    phase: Phase
    run: Callable[[float], None]


Pending = dict[int, dict[Hashable, Write]]


def on_commit_locked(user_id: int, key: Hashable, run: Callable[[float], None], phase: Phase) -> None:
    """Call `run(timestamp)` under a lock on the user's clock when the current transaction commits.

    A later call with the same user and key replaces an earlier one. Raises RuntimeError in a savepoint.
    """
    _pending().setdefault(user_id, {})[key] = Write(phase, run)


def logins_changed(user_id: int) -> None:
    """Remove the user's cached poll hash when the current transaction commits. Call this after ending a login."""
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
    """Enqueue a job that removes the user's cached poll hash once Redis is available again.

    A job that is already queued is enough. It will run while this transaction still holds the clock lock, or later. The
    hash is filled only under that lock, so no outdated hash can appear after the job has run.
    """
    unique_key = f"forget_poll:{user_id}"
    waiting = select(Job.id).where(Job.unique_key == unique_key, Job.state == "queued")
    if session.scalar(waiting.limit(1)) is None:
        # With a delay, the scheduler pushes the job to RQ. Without one, this process would wait for Redis once more.
        enqueue("notifications.forget_poll", delay=1, unique_key=unique_key, user_id=user_id)


def _tick(session: Session, user_id: int, *, advance: bool) -> float:
    """Lock the user's clock and return its value in Unix seconds. Advance it first if `advance` is true."""
    moment = now().timestamp() if advance else 0.0
    clock = NotificationClock
    least = clock.last + TICK if advance else clock.last
    stmt = insert_into(clock).values(user_id=user_id, last=moment)
    stmt = stmt.on_conflict_do_update(
        index_elements=[clock.user_id],
        set_={"last": case((least > stmt.excluded.last, least), else_=stmt.excluded.last)},
    ).returning(clock.last)
    return float(session.execute(stmt).scalar_one())
