"""Background jobs that publish and recount badges and delete old data, and a handler that publishes task states."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import current_app
from sqlalchemy import ColumnElement, delete, or_, select

from app.core.database import has_rows, write_transaction
from app.core.signals import job_changed
from app.core.time import now
from app.extensions import db
from app.jobs import job
from app.models import Activity, Job, MailTally, Notification
from app.notifications import badge_recount, events, poll_cache
from app.notifications.events import record_event
from app.notifications.outbox import publish_state

DAY = 24 * 3600  # seconds
BATCH = 1000  # rows that one transaction deletes
TALLY_DAYS = 7  # days that the counts of sent emails are kept; the daily caps need only today's
EVENTS = {"done": "job_done", "failed": "job_failed"}  # the kind of event to record when a task reaches a final state


@job_changed.connect
def _publish_task(task: Job) -> None:
    """Publish a task's progress and state to its owner. When the task is done or has failed, also record an event."""
    if task.owner_id is None:
        return
    state = {"task_id": task.id, "progress": task.progress, "state": task.state}
    publish_state(task.owner_id, "task_progress", state, subject=task.id)
    if task.state in EVENTS:
        # A task that fails, is retried and fails again records two events.
        subject = f"{task.id}:{task.queued_at.timestamp():.6f}"
        record_event(task.owner_id, EVENTS[task.state], subject, args={"job_id": task.id, "name": task.name})


@job("notifications.forget_poll")
def remove_cached_poll(user_id: int) -> None:
    """Remove a user's hash from the poll cache in Redis. Idempotent.

    This job is enqueued if Redis was unavailable during a commit (outbox.py). Raises ConnectionError if Redis is still
    unavailable, so that the job is retried.
    """
    if not poll_cache.invalidate(user_id):
        raise ConnectionError("Redis is away")


@job(events.COUNT_JOB, timeout=600)
def publish_counts(user_ids: list[int]) -> None:
    """Publish the number of unread events to each of these users, in short transactions.

    Idempotent: a second run publishes the numbers of its own time.
    """
    for first in range(0, len(user_ids), events.COUNT_BATCH):
        with write_transaction():
            events.publish_activity_counts(user_ids[first : first + events.COUNT_BATCH])


@job("notifications.forget_old_tasks", every=DAY)
def delete_old_task_states() -> None:
    """Delete the published states of tasks whose jobs no longer exist.

    Without this job, such states would accumulate. Idempotent: a second run finds nothing.
    """
    known = select(Job.id).where(Job.id == Notification.subject).exists()
    old = (Notification.name == "task_progress", ~known)
    if has_rows(Notification, *old):
        with write_transaction():
            db.session.execute(delete(Notification).where(*old).execution_options(synchronize_session=False))


@job("notifications.recount", queue="slow", timeout=3600, every=DAY)
def recount_badges() -> dict[str, int]:
    """Recount all badges, and correct those that are wrong. Idempotent: a second run finds nothing to correct."""
    return badge_recount.recount()


@job("notifications.forget_activity", every=DAY)
def delete_old_events() -> None:
    """Delete old events and old counts of sent emails. Idempotent: a second run finds nothing.

    A read event is deleted ACTIVITY_DAYS after it was read. An event in the filtered notifications is deleted
    ACTIVITY_DAYS after it was recorded. Other unread events are kept. Login events are also kept: each of them records
    a place (browser, system and network) from which the user has logged in, and further logins from the same place
    cause no alert.
    """
    oldest = now() - timedelta(days=current_app.config["ACTIVITY_DAYS"])
    held = (Activity.filtered_by != "") & (Activity.created_at < oldest)
    _delete_in_batches(Activity.id, or_(Activity.read_at < oldest, held) & (Activity.kind != "login"))
    past = MailTally.day < (now() - timedelta(days=TALLY_DAYS)).date()
    if has_rows(MailTally, past):
        with write_transaction():
            db.session.execute(delete(MailTally).where(past))


def _delete_in_batches(identity: Any, which: ColumnElement[bool]) -> None:
    """Delete the rows that match `which` in batches, so that other writers don't wait for long.

    Each batch is selected without a lock, and selected again with a lock before it is deleted. Rows that other
    transactions have locked are skipped; the next run deletes them.
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
