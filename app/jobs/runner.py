"""Run a job: claim its row, call its function, record the result."""

from __future__ import annotations

import threading
import time
import traceback
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

from flask import current_app
from sqlalchemy import BindParameter, Engine, bindparam, case, update
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.sql.dml import ReturningUpdate

from app.core.database import built_once, has_rows, read_transaction, write_transaction
from app.core.signals import job_changed
from app.core.time import now
from app.extensions import db
from app.jobs.registry import RETRY_DELAYS, definitions
from app.models import Job

HEARTBEAT_EVERY = 3  # seconds between two heartbeats of a running job
END_WITHIN = 120  # seconds for which a finished attempt tries to record its result while the database is unavailable
# A time further in the future than this was written before the machine's clock was set back. A job with such a time
# counts as due, or its worker as dead, at once.
FROM_THE_FUTURE = timedelta(minutes=1)


class PermanentError(Exception):
    """Raised by a job that must not be retried. The job fails at once, and the message is stored as the reason."""


class LeaseLost(Exception):
    """Raised in an attempt that has lost its lease, because its worker counted as dead.

    The attempt can no longer change the job's row.
    """


@dataclass
class Attempt:
    """An attempt to run a job. The attempt has the lease on the job's row as long as its token is in the row."""

    job_id: str
    token: str
    is_recorded: bool = False  # whether its result has been recorded, or another attempt has the lease


_current: ContextVar[Attempt | None] = ContextVar("current_attempt", default=None)
_ending: ContextVar[bool] = ContextVar("attempt_is_ending", default=False)


def current_job_id() -> str:
    """Return the id of the running job. Raises LookupError outside a job."""
    return _current_attempt().job_id


def _current_attempt() -> Attempt:
    attempt = _current.get()
    if attempt is None:
        raise LookupError("no job is running")
    return attempt


def perform(job_id: str) -> None:
    """Run the job with this id if it is queued and due; otherwise do nothing. RQ calls this in the worker.

    The job runs in a new app context, in read mode. It must write in short `write_transaction()` blocks, so that it
    holds no lock while it waits, for example for a mail server. The job runs in a copy of the caller's context, so that
    context variables set by the job don't affect the next one.
    """
    copy_context().run(_perform, job_id)


def is_ending() -> bool:
    """Return whether the current job has ended and its result is being recorded."""
    return _ending.get()


def _perform(job_id: str) -> None:
    with current_app.app_context(), read_transaction():
        job = _claim(job_id)
        if job is None:
            return
        attempt = Attempt(job.id, job.run_token or "")
        token = _current.set(attempt)
        try:
            with _heartbeat(db.engine, attempt):
                result = definitions[job.name].function(**job.args)
                _end(attempt, **_success(result))
        except LeaseLost:
            current_app.logger.warning("job %s was taken over by another attempt", job_id)
        except PermanentError as reason:
            db.session.rollback()
            current_app.logger.error("job %s (%s) failed for good: %s", job.id, job.name, reason)  # noqa: TRY400 - known
            _end(attempt, state="failed", error=str(reason))
        except Exception as error:
            _retry_or_fail(attempt, job, error)
        finally:
            _current.reset(token)


def finish(write: Callable[[], object], result: Any = None) -> None:
    """Call `write` and record that the running job is done, in one write transaction.

    A job calls this for its last write, which saves a transaction. While the database is unavailable, the transaction
    is retried for END_WITHIN seconds. So a job that has sent an email is not run again because the database was locked.

    `write` can be called more than once. A rollback may have expired all loaded rows, so `write` must use copies of
    their values. If the connection broke after a successful commit, nothing is written again.

    If another attempt has taken the lease, `write` is committed, but the job is not marked as done. Raises LookupError
    outside a job.
    """
    attempt = _current_attempt()

    def record() -> None:
        try:
            _change(attempt, before=write, **_success(result))
        except LeaseLost:
            with write_transaction():
                if not has_rows(Job, Job.id == attempt.job_id, Job.run_token == attempt.token, Job.state == "done"):
                    write()
            raise

    _retry_while_busy(attempt, record)


def _success(result: Any) -> dict[str, Any]:
    return {"state": "done", "progress": 100, "result": result, "error": "", "finished_at": now()}


def _claim(job_id: str) -> Job | None:
    moment = now()
    with write_transaction():
        lease = {"identity": job_id, "moment": moment, "future": moment + FROM_THE_FUTURE, "token": uuid.uuid4().hex}
        job: Job | None = db.session.scalar(_claim_statement(), lease)
        if job is not None:
            job_changed.send(job)
    if job is not None:
        db.session.expunge(job)  # detached, so that nothing writes it without checking the lease
    return job


@built_once
def _claim_statement() -> ReturningUpdate[Job]:
    moment: BindParameter[Any] = bindparam("moment")
    stmt = (
        update(Job)
        .where(Job.id == bindparam("identity"), Job.state == "queued")
        .where((Job.run_after <= moment) | (Job.queued_at > bindparam("future")))
        .values(state="running", attempts=Job.attempts + 1, run_token=bindparam("token"), heartbeat_at=moment)
        .returning(Job)
    )
    claim: ReturningUpdate[Job] = stmt.execution_options(populate_existing=True, synchronize_session=False)
    return claim


def _retry_or_fail(attempt: Attempt, job: Job, error: Exception) -> None:
    db.session.rollback()
    current_app.logger.exception("job %s (%s) failed, attempt %d", job.id, job.name, job.attempts)
    reason = "".join(traceback.format_exception_only(error)).strip()
    if job.attempts > len(RETRY_DELAYS):
        _end(attempt, state="failed", error=reason)
        return
    wait = timedelta(seconds=RETRY_DELAYS[job.attempts - 1])
    moment = now()
    _end(attempt, state="queued", queued_at=moment, run_after=moment + wait, pushed_at=None, error=reason)


def _end(attempt: Attempt, **values: Any) -> None:
    """Set `values`, which contain the result of the attempt, in the job's row.

    Do nothing if `finish` has already recorded the result.
    """
    if attempt.is_recorded:
        return
    if values["state"] == "failed":
        values["finished_at"] = now()
    _retry_while_busy(attempt, lambda: _change_without_a_taken_key(attempt, **values))


def _retry_while_busy(attempt: Attempt, record: Callable[[], None]) -> None:
    """Call `record`, which records the result of the attempt. While the database fails, retry for END_WITHIN seconds.

    If the result is not recorded, the job runs again. For example, an email is sent twice.
    """
    _ending.set(True)
    give_up_at = time.monotonic() + END_WITHIN
    while True:
        try:
            record()
        except LeaseLost:
            current_app.logger.warning("job %s was taken over before it ended", attempt.job_id)
            break
        except OperationalError:
            if time.monotonic() > give_up_at:
                raise
            current_app.logger.warning("job %s: its end could not be written yet", attempt.job_id, exc_info=True)
            time.sleep(1)
        else:
            break
    attempt.is_recorded = True


def _change_without_a_taken_key(attempt: Attempt, **values: Any) -> None:
    try:
        _change(attempt, **values)
    except IntegrityError:  # another job with this unique key was queued meanwhile, so remove the key from this one
        _change(attempt, **values, unique_key=None)


def _change(attempt: Attempt, before: Callable[[], object] | None = None, **values: Any) -> None:
    """Call `before`, and set `values` in the job's row, in one transaction.

    Raises LeaseLost if this attempt has lost the lease.
    """
    with write_transaction():
        if before is not None:
            before()
        lease = {"identity": attempt.job_id, "token": attempt.token}
        new = {f"new_{name}": value for name, value in values.items()}
        job = db.session.scalar(_change_statement(frozenset(values)), lease | new)
        if job is None:
            raise LeaseLost(attempt.job_id)
        job_changed.send(job)


@cache
def _change_statement(columns: frozenset[str]) -> ReturningUpdate[Job]:
    """Return an UPDATE statement that sets these columns of a job's row if the attempt has the lease.

    The statement never decreases the progress.
    """
    new: dict[str, Any] = {name: bindparam(f"new_{name}", type_=Job.__table__.c[name].type) for name in columns}
    if "progress" in new:
        new["progress"] = case((Job.progress > new["progress"], Job.progress), else_=new["progress"])
    has_lease = (Job.id == bindparam("identity"), Job.run_token == bindparam("token"), Job.state == "running")
    stmt = update(Job).where(*has_lease).values(new).returning(Job)
    change: ReturningUpdate[Job] = stmt.execution_options(populate_existing=True, synchronize_session=False)
    return change


def report_progress(percent: int) -> None:
    """Record the progress of the running job, from 0 to 100. Pages show it to the owner of the job.

    Each call is a transaction, so call this when the number changes, not for every processed item. The recorded
    progress never decreases: after a crash, it stays the same until the new attempt exceeds it.

    Raises LeaseLost if another attempt runs the job, and LookupError outside a job.
    """
    attempt = _current_attempt()
    percent = max(0, min(100, percent))
    _change(attempt, progress=percent, heartbeat_at=now())


@contextmanager
def _heartbeat(engine: Engine, attempt: Attempt) -> Iterator[None]:
    """Record heartbeats of the attempt in a thread while the `with` block runs.

    A thread is needed, because the job's function may run for a long time without returning.
    """
    stop = threading.Event()
    logger = current_app.logger

    def beat() -> None:
        while not stop.wait(HEARTBEAT_EVERY):
            try:
                with engine.begin() as connection:
                    connection.execute(
                        update(Job)
                        .where(Job.id == attempt.job_id, Job.run_token == attempt.token)
                        .values(heartbeat_at=now())
                    )
            except Exception:
                logger.warning("job %s: a heartbeat was not written", attempt.job_id, exc_info=True)

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
