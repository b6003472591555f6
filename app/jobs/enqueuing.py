"""Enqueue jobs: insert a row in the current transaction, and push its id to Redis after the commit."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Executable, update

from app.core.database import built_once, insert_into, insert_returning
from app.core.signals import job_changed
from app.core.time import now
from app.extensions import current_session, db
from app.jobs import broker
from app.jobs.registry import definitions
from app.models import Job, User
from app.models.job import IS_QUEUED, job_id

FORGOTTEN_TIMEOUT = 180  # seconds; for queued jobs whose declaration was removed from the code


def enqueue(
    name: str, *, owner: User | None = None, delay: float = 0, unique_key: str | None = None, **args: Any
) -> Job:
    """Enqueue a job in the caller's transaction, to run in `delay` seconds. Return its row.

    If a job with the same `unique_key` is already queued, return its row instead. That job will run after this
    transaction commits, so it will see this transaction's writes.

    Raises KeyError for an undeclared name, and TypeError for arguments that are not JSON-serialisable.
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
    insert = _insert_once() if unique_key else _insert()
    job: Job = db.session.scalars(insert, values, execution_options={"populate_existing": True}).one()
    if not delay:
        _push_after_commit(job)
    job_changed.send(job)
    return job


def enqueue_at(name: str, at: datetime, **args: Any) -> Job:
    """Enqueue a job in the caller's transaction, to run at the time `at`. Return its row.

    If a job with the same name, arguments and time is already queued, return its row instead.
    """
    key = ":".join([name, *(str(value) for value in args.values()), str(at.timestamp())])
    return enqueue(name, delay=max(0.0, (at - now()).total_seconds()), unique_key=key, **args)


def retry(job: Job) -> None:
    """Queue a failed job again in the caller's transaction, with its attempts reset to zero.

    The job keeps its id, so that the page of the job shows it as queued. Raises LookupError if the job has not failed.

    Raises IntegrityError if another job with the same `unique_key` is queued. To avoid this error, the caller must
    first take a lock and check that there is no such job.
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
    job_changed.send(known)


def _push_after_commit(job: Job) -> None:
    # If a savepoint was rolled back, the row does not exist, and the worker ignores the id. If Redis is unavailable,
    # the scheduler pushes the job later.
    timeout = definitions[job.name].timeout if job.name in definitions else FORGOTTEN_TIMEOUT
    current_session().after_commit.append(partial(broker.push, job.id, job.queue, timeout))


@built_once
def _insert() -> Executable:
    return insert_returning(Job)


@built_once
def _insert_once() -> Executable:
    """Return an INSERT statement that returns the new row or, if a job with the same unique key is queued, its row.

    The statement uses DO UPDATE, because DO UPDATE locks the queued row until the commit, unlike DO NOTHING. A worker
    that wants to claim the row must then wait, and sees this transaction's writes.
    """
    stmt = insert_into(Job.__table__).on_conflict_do_update(
        index_elements=[Job.unique_key],
        index_where=IS_QUEUED,
        set_={"unique_key": Job.unique_key},
    )
    return insert_returning(Job, stmt)
