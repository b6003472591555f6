"""What keeps the states true besides actions: jobs that change, and states that outlive what they tell of."""

from __future__ import annotations

from sqlalchemy import delete, select

from app import poll_cache
from app.database import writing
from app.extensions import db
from app.jobs import job, when_changed
from app.models import Job, Notification
from app.notify.activity import record
from app.notify.states import notify

EVENTS = {"done": "job_done", "failed": "job_failed"}


@when_changed
def _tell_owner(task: Job) -> None:
    """The owner's pages show every change of their task, and its end is an event."""
    if task.owner_id is None:
        return
    state = {"task_id": task.id, "progress": task.progress, "state": task.state}
    notify(task.owner_id, "task_progress", state, subject=task.id)
    if task.state in EVENTS:
        # A task that fails, is tried again and fails again has failed twice.
        subject = f"{task.id}:{task.queued_at.timestamp():.6f}"
        record(task.owner_id, EVENTS[task.state], subject, args={"job_id": task.id, "name": task.name})


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
