"""Ordering a job: a row now, a push to Redis after the commit."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import event, select, text, update
from sqlalchemy.orm import Session

from app.core.clock import now
from app.core.database import insert_into
from app.extensions import db
from app.jobs import broker
from app.jobs.registry import definitions, tell_changed
from app.models import Job, User
from app.models.job import job_id

FORGOTTEN_TIMEOUT = 180  # seconds, for a kind of job that this version no longer declares


def enqueue(
    name: str, *, owner: User | None = None, delay: float = 0, unique_key: str | None = None, **args: Any
) -> Job:
    """Order the job `name` in the caller's transaction, to run `delay` seconds from now, and return its row.

    With `unique_key`, a job that is still waiting under that key is returned instead: it will run after this
    transaction has committed, so it sees what this one wrote. Raises KeyError for a name nobody declared and
    TypeError for arguments that are not JSON: both in the author's test, not in the worker.
    """
    definition = definitions[name]
    json.dumps(args)
    moment = now()
    values = {
        "id": job_id(),
        "name": name,
        "args": args,
        "queue": definition.queue,
        "owner_id": owner.id if owner else None,
        "unique_key": unique_key,
        "state": "queued",
        "queued_at": moment,
        "run_after": moment + timedelta(seconds=delay),
        "pushed_at": None if delay else moment,
    }
    stmt = _insert(values)
    session = db.session()
    job = session.scalars(select(Job).where(Job.id == session.scalar(stmt))).one()
    if not delay:
        _push_after_commit(job)
    tell_changed(job)
    return job


def enqueue_at(name: str, at: datetime, **args: Any) -> Job:
    """Enqueue the job `name` in the caller's transaction, to run at `at`: once for each time and arguments."""
    key = ":".join([name, *(str(value) for value in args.values()), str(at.timestamp())])
    return enqueue(name, delay=max(0.0, (at - now()).total_seconds()), unique_key=key, **args)


def retry(job: Job) -> None:
    """Order a job that failed once more, as if for the first time, in the caller's transaction.

    The same row, so whoever looks at it sees it wait again. Raises LookupError when it has not failed, and when its
    `unique_key` has another one waiting that is IntegrityError at the flush: the caller looks first, under a lock.
    """
    moment = now()
    known = db.session.scalar(
        update(Job)
        .where(Job.id == job.id, Job.state == "failed")
        .values(
            state="queued",
            progress=0,
            attempts=0,
            crashes=0,
            error="",
            run_token=None,
            queued_at=moment,
            run_after=moment,
            pushed_at=moment,
            finished_at=None,
        )
        .returning(Job)
        .execution_options(populate_existing=True)
    )
    if known is None:
        raise LookupError(f"job {job.id} has not failed")
    _push_after_commit(known)
    tell_changed(known)


def _push_after_commit(job: Job) -> None:
    timeout = definitions[job.name].timeout if job.name in definitions else FORGOTTEN_TIMEOUT
    db.session().info.setdefault("jobs_to_push", []).append((job.id, job.queue, timeout))


def _insert(values: dict[str, Any]) -> Any:
    """INSERT that gives back the id: the new row's, or the waiting one's with the same unique key.

    DO UPDATE, not DO NOTHING: it locks the waiting row until we commit, so a worker that wants to claim it waits and
    then sees what we wrote.
    """
    stmt = insert_into(Job).values(**values)
    if values["unique_key"] is not None:
        stmt = stmt.on_conflict_do_update(
            index_elements=[Job.unique_key],
            index_where=text("state = 'queued'"),  # as in the index: a plan for any parameter would not find it
            set_={"unique_key": Job.unique_key},
        )
    return stmt.returning(Job.id)


@event.listens_for(db.session, "after_commit")
def _push(session: Session) -> None:
    # A savepoint's release is a commit too, but nothing is certain before the outermost one.
    if session.in_nested_transaction():
        return
    # Ids from a savepoint that was rolled back may be among them: they name no row, and are ignored when run.
    for identity, queue, timeout in session.info.pop("jobs_to_push", ()):
        if not broker.push(identity, queue, timeout):
            break  # Redis is away: the scheduler will find the rows


@event.listens_for(db.session, "after_rollback")
def _forget(session: Session) -> None:
    if not session.in_nested_transaction():
        session.info.pop("jobs_to_push", None)
