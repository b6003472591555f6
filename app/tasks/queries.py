"""Queries for the background jobs of a member. Access control: each query finds only the jobs of the given owner."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Select, select

from app.core.time import now
from app.extensions import db
from app.models import Job, User

SHOWN = 50  # maximum number of jobs on the page; usually, finished jobs are deleted before there are so many


def of(owner: User) -> Select[Job]:
    """Select the newest SHOWN jobs that a member started, newest first."""
    return select(Job).where(Job.owner_id == owner.id).order_by(Job.queued_at.desc(), Job.id).limit(SHOWN)


def one(owner: User, job_id: str) -> Job | None:
    """Return the job with that id if this member started it, otherwise None.

    Ids with characters other than ASCII letters and digits are not queried, because PostgreSQL rejects some of them.
    """
    if not (job_id.isascii() and job_id.isalnum()):
        return None
    return db.session.scalar(select(Job).where(Job.id == job_id, Job.owner_id == owner.id))


def file_of(job: Job) -> str | None:
    """Return the name of the file that a job has created; None if there is none or if it has expired."""
    if job.state != "done" or not isinstance(job.result, dict) or "file" not in job.result:
        return None
    fresh = datetime.fromisoformat(job.result["expires_at"]) > now()
    return str(job.result["file"]) if fresh else None
