"""Recover jobs whose worker died. If a job's last heartbeat is too old, the job is queued again.

If the worker was only slow, it cannot record the result of its attempt: the row no longer contains the `run_token` of
this attempt, so the attempt rolls back.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from flask import current_app
from sqlalchemy import and_, or_, select

from app.core.database import write_transaction
from app.core.signals import job_changed
from app.core.time import now
from app.extensions import db
from app.jobs.registry import MAX_CRASHES
from app.jobs.runner import FROM_THE_FUTURE, HEARTBEAT_EVERY
from app.models import Job
from app.models.job import IS_OPEN

SILENT_AFTER = 5 * HEARTBEAT_EVERY  # seconds without a heartbeat after which an attempt counts as dead
BATCH = 500


def requeue_dead_jobs() -> None:
    """Queue each running job again that has sent no heartbeat for SILENT_AFTER seconds. Its worker counts as dead.

    If this happens to a job MAX_CRASHES times, mark the job as failed.
    """
    moment = now()
    silent = and_(
        Job.state == "running",
        or_(
            Job.heartbeat_at < moment - timedelta(seconds=SILENT_AFTER),
            Job.heartbeat_at > moment + FROM_THE_FUTURE,
        ),
    )
    # One transaction for each job. Its commit locks the owner's notification clock, and these clocks must be locked
    # after all other rows (app/notifications/outbox.py).
    for identity in db.session.scalars(select(Job.id).where(IS_OPEN, silent).limit(BATCH)).all():
        with write_transaction():
            job = db.session.scalar(
                select(Job)
                .where(Job.id == identity, silent)
                .with_for_update(skip_locked=True)
                .execution_options(populate_existing=True)
            )
            if job is not None:
                _requeue(job, moment)


def _requeue(job: Job, moment: datetime) -> None:
    job.crashes += 1
    job.run_token = None
    if job.crashes >= MAX_CRASHES:
        job.state, job.finished_at = "failed", moment
        job.error = f"the worker died {job.crashes} times while running it"
    else:
        if _key_is_taken(job):
            job.unique_key = None
        job.state, job.queued_at, job.run_after, job.pushed_at = "queued", moment, moment, None
    db.session.flush()
    job_changed.send(job)
    current_app.logger.warning("job %s (%s) lost its worker: now %s", job.id, job.name, job.state)


def _key_is_taken(job: Job) -> bool:
    """Return whether another queued job has this job's unique key.

    If so, this job must be queued without the key, because no two queued jobs can have the same key.
    """
    others = select(Job.id).where(Job.unique_key == job.unique_key, Job.state == "queued", Job.id != job.id)
    return job.unique_key is not None and db.session.scalar(others.limit(1)) is not None
