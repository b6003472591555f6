"""Jobs of notifications: the daily recount and clean-up, and a listener that notifies the owner of a task."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import current_app
from sqlalchemy import ColumnElement, delete, or_, select

from app.core.clock import now
from app.core.database import write_transaction
from app.core.signals import job_changed
from app.extensions import db
from app.jobs import job
from app.models import Activity, Job, MailTally, Notification
from app.notifications import poll_cache, recount
from app.notifications.events import record_event
from app.notifications.publish import publish_state

DAY = 24 * 3600  # seconds
BATCH = 1000  # rows that one transaction deletes
TALLY_DAYS = 7  # the daily caps read only today's row
EVENTS = {"done": "job_done", "failed": "job_failed"}


@job_changed.connect
def _tell_owner(task: Job) -> None:
    """Publish every change of a task to its owner, and record an event when it is done or has failed."""
    if task.owner_id is None:
        return
    state = {"task_id": task.id, "progress": task.progress, "state": task.state}
    publish_state(task.owner_id, "task_progress", state, subject=task.id)
    if task.state in EVENTS:
        # A task that fails, is retried and fails again records two events.
        subject = f"{task.id}:{task.queued_at.timestamp():.6f}"
        record_event(task.owner_id, EVENTS[task.state], subject, args={"job_id": task.id, "name": task.name})


@job("notifications.forget_poll")
def forget_poll(user_id: int) -> None:
    """Remove a cached poll hash that could not be removed at commit. Idempotent. Raises ConnectionError on failure."""
    if not poll_cache.invalidate(user_id):
        raise ConnectionError("Redis is away")


@job("notifications.forget_old_tasks", every=DAY)
def forget_old_tasks() -> None:
    """Delete task states whose job no longer exists, so that a user's list does not grow with every task.

    Idempotent: a second run finds nothing.
    """
    known = select(Job.id).where(Job.id == Notification.subject).exists()
    with write_transaction():
        db.session.execute(
            delete(Notification)
            .where(Notification.name == "task_progress", ~known)
            .execution_options(synchronize_session=False)
        )


@job("notifications.recount", queue="slow", timeout=3600, every=DAY)
def recount_badges() -> dict[str, int]:
    """Recount all badges and correct those that are wrong. Idempotent: a second run finds nothing."""
    return recount.recount()


@job("notifications.forget_activity", every=DAY)
def forget_activity() -> None:
    """Delete events ACTIVITY_DAYS after they were read, and filtered events ACTIVITY_DAYS after they happened.

    Unread events are never deleted. Logins are kept: they record which browsers are known, and repeated alerts
    about one's own browser would teach users to ignore them. Idempotent: a second run finds nothing.
    """
    oldest = now() - timedelta(days=current_app.config["ACTIVITY_DAYS"])
    held = (Activity.held_by != "") & (Activity.created_at < oldest)
    _forget(Activity.id, or_(Activity.read_at < oldest, held) & (Activity.kind != "login"))
    with write_transaction():
        db.session.execute(delete(MailTally).where(MailTally.day < (now() - timedelta(days=TALLY_DAYS)).date()))


def _forget(identity: Any, which: ColumnElement[bool]) -> None:
    """Delete rows in small batches, so that no other writer waits for long. Locked rows are skipped.

    Rows are found without a lock, then checked again under one. A row that is locked at that moment may stay until
    the next run.
    """
    last = 0
    while True:
        old = select(identity).where(which, identity > last).order_by(identity).limit(BATCH)
        found = db.session.scalars(old).all()
        if not found:
            return
        with write_transaction():
            free = select(identity).where(which, identity.in_(found)).with_for_update(skip_locked=True)
            gone = delete(identity.class_).where(identity.in_(db.session.scalars(free).all()))
            db.session.execute(gone.execution_options(synchronize_session=False))
        last = found[-1]
