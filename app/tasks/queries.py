"""A member's own jobs. One gate: a job is found by its owner."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Select, select

from app.core.clock import now
from app.extensions import db
from app.models import Job, User

SHOWN = 50  # more than anybody orders before the finished ones are forgotten


def of(owner: User) -> Select[Job]:
    """The jobs a person ordered, newest first."""
    return select(Job).where(Job.owner_id == owner.id).order_by(Job.queued_at.desc(), Job.id).limit(SHOWN)


def one(owner: User, job_id: str) -> Job | None:
    """The job of that id, if this person ordered it. An id that none could have (a NUL in it) asks no database."""
    if not (job_id.isascii() and job_id.isalnum()):
        return None
    return db.session.scalar(select(Job).where(Job.id == job_id, Job.owner_id == owner.id))


def file_of(job: Job) -> str | None:
    """The name of the file that a finished job made, as long as its owner may fetch it."""
    if job.state != "done" or not isinstance(job.result, dict) or "file" not in job.result:
        return None
    fresh = datetime.fromisoformat(job.result["expires_at"]) > now()
    return str(job.result["file"]) if fresh else None
