"""What an operator watches: how much work waits, since when, and what the daily recounts found."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import func, select

from app.extensions import db
from app.models import Job


def jobs_by_state() -> Mapping[tuple[str, str], int]:
    """How many jobs there are in each (queue, state), of those that are not done."""
    counted = select(Job.queue, Job.state, func.count()).where(Job.state != "done").group_by(Job.queue, Job.state)
    return {(queue, state): count for queue, state, count in db.session.execute(counted)}


def waiting_since(moment: datetime) -> datetime | None:
    """When the job that has been due longest at `moment` became due; None when none is due."""
    due = select(func.min(Job.run_after)).where(Job.state == "queued", Job.run_after <= moment)
    return db.session.scalar(due)


def last_drift(names: Collection[str]) -> Mapping[str, int]:
    """How many stored numbers the last finished run of each of these jobs found to be wrong."""
    found = {}
    for name in names:
        done = (Job.name == name) & (Job.state == "done")
        result = db.session.scalar(select(Job.result).where(done).order_by(Job.finished_at.desc()).limit(1))
        if isinstance(result, dict):
            found[name] = int(result["drift"])
    return found
