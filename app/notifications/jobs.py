"""Jobs of notifications: badges are recounted and old rows deleted every day. A listener tells a task's owner of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import current_app
from sqlalchemy import ColumnElement, delete, or_, select

from app.core.clock import now
from app.core.database import write_transaction
from app.extensions import db
from app.jobs import job, when_changed
from app.models import Activity, Job, MailTally, Notification
from app.notifications import poll_cache, recount
from app.notifications.events import record_event
from app.notifications.publish import publish_state

DAY = 24 * 3600  # seconds
BATCH = 1000  # rows one transaction forgets
TALLY_DAYS = 7  # the caps ask for today only
EVENTS = {"done": "job_done", "failed": "job_failed"}


@when_changed
def _tell_owner(task: Job) -> None:
    """The owner's pages show every change of their task, and its end is an event."""
    if task.owner_id is None:
        return
    state = {"task_id": task.id, "progress": task.progress, "state": task.state}
    publish_state(task.owner_id, "task_progress", state, subject=task.id)
    if task.state in EVENTS:
        # A task that fails, is tried again and fails again has failed twice.
        subject = f"{task.id}:{task.queued_at.timestamp():.6f}"
        record_event(task.owner_id, EVENTS[task.state], subject, args={"job_id": task.id, "name": task.name})


@job("notifications.forget_poll")
def forget_poll(user_id: int) -> None:
    """Remove a poll answer that could not be removed at the commit. Running twice removes it twice."""
    if not poll_cache.invalidate(user_id):
        raise ConnectionError("Redis is away")


@job("notifications.forget_old_tasks", every=DAY)
def forget_old_tasks() -> None:
    """Remove what was told of tasks that are forgotten by now, or a person's list would grow with every task.

    Running twice finds nothing the second time.
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
    """Put right what the badges say, should it ever be wrong. Run twice, it finds nothing the second time."""
    return recount.recount()


@job("notifications.forget_activity", every=DAY)
def forget_activity() -> None:
    """Forget events ACTIVITY_DAYS after they were read, and held ones as long after they happened; unread ones never.

    Logins stay: by them a browser is known, and to be told again of one's own would teach people to look away. Run
    twice, it finds nothing the second time.
    """
    oldest = now() - timedelta(days=current_app.config["ACTIVITY_DAYS"])
    held = (Activity.held_by != "") & (Activity.created_at < oldest)
    _forget(Activity.id, or_(Activity.read_at < oldest, held) & (Activity.kind != "login"))
    with write_transaction():
        db.session.execute(delete(MailTally).where(MailTally.day < (now() - timedelta(days=TALLY_DAYS)).date()))


def _forget(identity: Any, which: ColumnElement[bool]) -> None:
    """Delete rows some at a time: nobody who writes meanwhile waits for long, and this waits for nobody.

    They are looked for without a lock, and looked at again under one: a row that somebody changes just now may stay.
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
