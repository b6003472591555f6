"""Metrics for the operator: waiting jobs, and the number of wrong counters that the daily recounts found."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import func, select

from app.extensions import db
from app.models import Job


def jobs_by_state() -> Mapping[tuple[str, str], int]:
    """Return the number of jobs for each (queue, state), except completed jobs."""
    counted = select(Job.queue, Job.state, func.count()).where(Job.state != "done").group_by(Job.queue, Job.state)
    return {(queue, state): count for queue, state, count in db.session.execute(counted)}


def waiting_since(moment: datetime) -> datetime | None:
    """Return when the longest-waiting job became due; None if no job is due at `moment`."""
    due = select(func.min(Job.run_after)).where(Job.state == "queued", Job.run_after <= moment)
    return db.session.scalar(due)


def last_drift(names: Collection[str]) -> Mapping[str, int]:
    """Return the number of wrong counters that the last completed run of each recount job found, by job name."""
    found = {}
    for name in names:
        done = (Job.name == name) & (Job.state == "done")
        result = db.session.scalar(select(Job.result).where(done).order_by(Job.finished_at.desc()).limit(1))
        if isinstance(result, dict):
            found[name] = int(result["drift"])
    return found
