"""Running jobs in the test's own process, one after the other."""

from __future__ import annotations

from datetime import timedelta

from flask import Flask
from sqlalchemy import select, update

from app.core.time import now
from app.extensions import db
from app.jobs import perform
from app.models import Job
from tests.support.client import in_new_context

MAX_JOBS = 1_000  # jobs in one call: more means that they order each other for ever


def run_due_jobs(app: Flask, *, advance: float = 0, may_fail: bool = False) -> list[Job]:
    """Perform every job that is due, and those they order, oldest first; returns the rows.

    `advance` (seconds) makes delayed jobs due that much sooner. A job that raises is an AssertionError here, unless
    `may_fail`.
    """
    if advance:
        _hasten(timedelta(seconds=advance))
    done: list[str] = []
    while (identity := _next()) is not None:
        assert len(done) < MAX_JOBS, "the jobs never end"
        in_new_context(_perform, app, identity)
        done.append(identity)
        job = db.session.get_one(Job, identity)
        assert may_fail or job.state == "done", f"{job.name}: {job.error}"
    db.session.expire_all()
    rows = [db.session.get_one(Job, identity) for identity in done]
    db.session.commit()
    return rows


def _perform(app: Flask, identity: str) -> None:
    with app.app_context():
        perform(identity)


def _next() -> str | None:
    db.session.commit()
    due = select(Job.id).where(Job.state == "queued", Job.run_after <= now())
    found: str | None = db.session.scalar(due.order_by(Job.run_after, Job.queued_at).limit(1))
    db.session.commit()
    return found


def _hasten(by: timedelta) -> None:
    db.session.commit()
    for job in db.session.scalars(select(Job).where(Job.state == "queued")).all():
        db.session.execute(update(Job).where(Job.id == job.id).values(run_after=job.run_after - by))
    db.session.commit()
