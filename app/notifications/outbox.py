"""The outbox: writes that notify a user are registered during a transaction and run when it commits.

Before these writes run, the user's clock (a row in `notification_clock`) is locked and set to `max(now, last + 1
microsecond)`, where `last` is its old value. The lock is held until the commit. The clock's new value is the timestamp
of the writes. Timestamps therefore follow commit order: a client that remembers the newest timestamp it saw can't skip
an event that commits later (docs/decisions/0002-per-user-clock.md).

To prevent deadlocks, clocks are locked only by `session.commit()`, after all other locks of the transaction and in the
order of user ids. There is one exception: if a write enqueues a job, the job's row is locked after all clocks. So a
transaction that has locked the row of such a job must not lock a clock afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Final

from sqlalchemy import Insert, delete, select

from app.core.database import built_once, execute_core, insert_into
from app.extensions import current_session, db
from app.jobs import enqueue
from app.models import Job, Notification
from app.notifications import poll_cache, user_clock

Data = Any | Callable[[], Any]
Write = Callable[[float], None]  # called under the clock lock with the clock's new value, in Unix seconds
_NO_STATE: Final = object()


class Phase(IntEnum):
    """When a registered write runs during the commit.

    Writes in ROWS run before the published states are computed, because a state may be a count of the written rows.
    Writes in JOBS run after the states are stored.
    """

    ROWS = 0
    JOBS = 1


@dataclass
class Outbox:
    """The writes that are registered to run when a transaction commits."""

    users: dict[int, bool] = field(default_factory=dict)  # user ids whose clocks to lock; True = move the clock forward
    states: dict[tuple[int, str, str], Data] = field(default_factory=dict)  # by user id, name and subject
    writes: dict[tuple[Phase, int, Hashable], Write] = field(default_factory=dict)


def publish_state(user_id: int, name: str, data: Data, subject: str = "") -> None:
    """Publish a state to one user when the current transaction commits.

    `data` is JSON-serialisable, or a function that returns such data. A function is called during the commit, while the
    user's notification clock is locked, so its result is at least as recent as the timestamp stored with it. `subject`
    distinguishes states with the same name, such as the progress of two tasks. A later call with the same user, name
    and subject replaces an earlier one.
    """
    outbox = _outbox()
    outbox.users[user_id] = True
    outbox.states[user_id, name, subject] = data


def delete_state(user_id: int, name: str, subject: str) -> None:
    """Delete a state that `publish_state` has published, when the current transaction commits."""
    publish_state(user_id, name, _NO_STATE, subject)


def on_commit_locked(user_id: int, key: Hashable, run: Write, phase: Phase) -> None:
    """Call `run(timestamp)` when the current transaction commits, while the user's clock is locked.

    `timestamp` is the clock's new value, in Unix seconds. A later call with the same user, key and phase replaces an
    earlier one. Raises RuntimeError in a savepoint.
    """
    outbox = _outbox()
    outbox.users[user_id] = True
    outbox.writes[phase, user_id, key] = run


def cancel(user_id: int, key: Hashable, phase: Phase) -> None:
    """Drop the write that `on_commit_locked` has registered with this user, key and phase, if there is one."""
    _outbox().writes.pop((phase, user_id, key), None)


def logins_changed(user_id: int) -> None:
    """Remove a user's hash from the poll cache when the transaction commits.

    Call this after ending a login, so that polls with that login are no longer answered from the cache.
    """
    _outbox().users.setdefault(user_id, False)


def _outbox() -> Outbox:
    session = current_session()
    if session.in_nested_transaction():
        raise RuntimeError("nothing can be published in a savepoint: a rollback to it would not take it back")
    if "outbox" not in session.info:
        session.info["outbox"] = Outbox()
        session.before_commit.append(_write)
    outbox: Outbox = session.info["outbox"]
    return outbox


def _write() -> None:
    outbox: Outbox = current_session().info["outbox"]
    db.session.flush()
    timestamps = user_clock.lock(outbox.users)
    _run(outbox, Phase.ROWS, timestamps)
    _write_states(outbox, timestamps)
    _run(outbox, Phase.JOBS, timestamps)
    if timestamps and not poll_cache.invalidate(*timestamps):
        for user_id in timestamps:
            _enqueue_removal(user_id)
    db.session.flush()


def _run(outbox: Outbox, phase: Phase, timestamps: Mapping[int, float]) -> None:
    # In the order of user ids, to prevent deadlocks: a write may lock rows of its user.
    chosen = [(user_id, run) for (its_phase, user_id, _key), run in outbox.writes.items() if its_phase == phase]
    for user_id, run in sorted(chosen, key=lambda one: one[0]):
        run(timestamps[user_id])


def _write_states(outbox: Outbox, timestamps: Mapping[int, float]) -> None:
    """Insert or update all published states with one statement. Delete those that `delete_state` registered."""
    rows = []
    for (user_id, name, subject), data in sorted(outbox.states.items(), key=lambda one: one[0]):
        key = {"user_id": user_id, "name": name, "subject": subject}
        if data is _NO_STATE:
            db.session.execute(delete(Notification).filter_by(**key))
        else:
            rows.append({**key, "data": data() if callable(data) else data, "timestamp": timestamps[user_id]})
    if rows:
        execute_core(_upsert_states(), rows)


@built_once
def _upsert_states() -> Insert:
    stmt = insert_into(Notification.__table__)
    upsert: Insert = stmt.on_conflict_do_update(
        index_elements=["user_id", "name", "subject"],
        set_={"data": stmt.excluded.data, "timestamp": stmt.excluded.timestamp},
    )
    return upsert


def _enqueue_removal(user_id: int) -> None:
    """Enqueue a job that removes a user's hash from the poll cache, because Redis is unavailable now.

    Do nothing if such a job is already queued. That job may run before this transaction commits. This is harmless:
    outdated values can't be written to the hash afterwards, because a process must lock the user's clock to fill the
    hash, and this transaction holds that lock until the commit.
    """
    unique_key = f"forget_poll:{user_id}"
    waiting = select(Job.id).where(Job.unique_key == unique_key, Job.state == "queued")
    if db.session.scalar(waiting.limit(1)) is None:
        # With a delay, the scheduler pushes the job to RQ. Without one, this process would wait for Redis once more.
        enqueue("notifications.forget_poll", delay=1, unique_key=unique_key, user_id=user_id)
