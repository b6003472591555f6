"""Retry a member's failed background jobs."""

from __future__ import annotations

from sqlalchemy import select

from app.core.exceptions import ActionError
from app.core.i18n import _l
from app.extensions import db
from app.jobs import retry
from app.models import Job, User


def retry_task(owner: User, job: Job) -> None:
    """Retry a failed job. The job gets the full number of attempts again.

    Raises ActionError if the job has not failed, or if a job with the same unique key is queued or running. Raises
    sqlalchemy.exc.NoResultFound if the job was deleted.

    This function and the start of a data export both lock the owner's row, so that they can't both enqueue a job with
    the same unique key.
    """
    db.session.execute(select(User.id).where(User.id == owner.id).with_for_update(key_share=True))
    job = db.session.scalars(select(Job).where(Job.id == job.id).execution_options(populate_existing=True)).one()
    if job.state != "failed":
        raise ActionError(_l("Only failed tasks can be retried."))
    if job.unique_key is not None:
        same = select(Job.id).where(Job.unique_key == job.unique_key, Job.state.in_(["queued", "running"]))
        if db.session.scalar(same.limit(1)) is not None:
            raise ActionError(_l("This task is already in progress."))
    retry(job)
