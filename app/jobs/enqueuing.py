"""Enqueue jobs: insert a row in the current transaction, and push its id to Redis after the commit."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Executable, Insert, update

from app.core.database import built_once, execute_core, insert_into, insert_returning
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
    values = _new_row(name, args, delay=delay, unique_key=unique_key, owner=owner)
    insert = _insert_once() if unique_key else _insert()
    job: Job = db.session.scalars(insert, values, execution_options={"populate_existing": True}).one()
    if not delay:
        _push_after_commit(job.id, job.name, job.queue)
    job_changed.send(job)
    return job


def _new_row(
    name: str, args: dict[str, Any], *, delay: float, unique_key: str | None, owner: User | None = None
) -> dict[str, Any]:
    json.dumps(args)  # raises TypeError before the row is written
    moment = now()
    return {
        "id": job_id(),
        "name": name,
        "args": args,
        "queue": definitions[name].queue,
        "owner_id": owner.id if owner else None,
        "unique_key": unique_key,
        "state": "queued",
        "queued_at": moment,
        "run_after": moment + timedelta(seconds=delay),
        "pushed_at": None if delay else moment,
    }


def enqueue_once(name: str, *, unique_key: str, due: datetime, **args: Any) -> None:
    """Enqueue a job in the caller's transaction, to run at `due`, unless a job with the same `unique_key` is queued.

    This is like `enqueue`, but faster, because it doesn't load the row. The job has no owner. Raises KeyError for an
    undeclared name, and TypeError for arguments that are not JSON-serialisable.
    """
    values = _new_row(name, args, delay=max(0.0, (due - now()).total_seconds()), unique_key=unique_key)
    queued = execute_core(_insert_id_once(), values).scalar_one()
    if values["pushed_at"] is not None:
        _push_after_commit(queued, name, values["queue"])


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
    _push_after_commit(known.id, known.name, known.queue)
    job_changed.send(known)


def _push_after_commit(job_id: str, name: str, queue: str) -> None:
    # If a savepoint was rolled back, the row does not exist, and the worker ignores the id. If Redis is unavailable,
    # the scheduler pushes the job later.
    timeout = definitions[name].timeout if name in definitions else FORGOTTEN_TIMEOUT
    current_session().after_commit.append(partial(broker.push, job_id, queue, timeout))


@built_once
def _insert() -> Executable:
    return insert_returning(Job)


@built_once
def _insert_once() -> Executable:
    """Return an INSERT statement that returns the new row or, if a job with the same unique key is queued, its row."""
    return insert_returning(Job, _upsert())


@built_once
def _insert_id_once() -> Executable:
    """Return the statement of `_insert_once`, but it returns only the id of the row."""
    return _upsert().returning(Job.__table__.c.id)


def _upsert() -> Insert:
    """Return an INSERT statement that changes nothing if a job with the same unique key is queued.

    The statement uses DO UPDATE, because DO UPDATE locks the queued row until the commit, unlike DO NOTHING. A worker
    that wants to claim the row must then wait, and sees this transaction's writes.
    """
    stmt: Insert = insert_into(Job.__table__).on_conflict_do_update(
        index_elements=[Job.unique_key],
        index_where=IS_QUEUED,
        set_={"unique_key": Job.unique_key},
    )
    return stmt
