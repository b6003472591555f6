"""Run a job: claim its row, call its function, record the result."""

from __future__ import annotations

import threading
import time
import traceback
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import current_app
from sqlalchemy import Engine, case, update
from sqlalchemy.exc import IntegrityError, OperationalError

from app.core.database import read_transaction, write_transaction
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
    """Raised in an attempt that counted as dead and lost its lease. It can no longer change the job's row."""


@dataclass(frozen=True)
class Attempt:
    """An attempt to run a job. It has the lease on the job's row as long as its token is in the row."""

    job_id: str
    token: str


_current: ContextVar[Attempt | None] = ContextVar("current_attempt", default=None)
_ending: ContextVar[bool] = ContextVar("attempt_is_ending", default=False)


def current_job_id() -> str:
    """Return the id of the running job. Raises LookupError outside a job."""
    attempt = _current.get()
    if attempt is None:
        raise LookupError("no job is running")
    return attempt.job_id


def perform(job_id: str) -> None:
    """Run the job with this id if it is queued and due; otherwise do nothing. RQ calls this in the worker.

    The job runs in a new app context, in read mode. It must write in short `write_transaction()` blocks, so that it
    holds no lock while it waits, for example for a mail server. It runs in a copy of the caller's context, so that
    context variables which it sets don't affect the next job.
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
                _end(attempt, state="done", progress=100, result=result, error="")
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


def _claim(job_id: str) -> Job | None:
    moment = now()
    with write_transaction():
        job: Job | None = db.session.scalar(
            update(Job)
            .where(Job.id == job_id, Job.state == "queued")
            .where((Job.run_after <= moment) | (Job.queued_at > moment + FROM_THE_FUTURE))
            .values(
                state="running",
                attempts=Job.attempts + 1,
                run_token=uuid.uuid4().hex,
                heartbeat_at=moment,
            )
            .returning(Job)
            .execution_options(populate_existing=True)
        )
        if job is not None:
            job_changed.send(job)
    if job is not None:
        db.session.expunge(job)  # detached, so that nothing writes it without checking the lease
    return job


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
    """Record the result of the attempt. While the database is unavailable, retry for END_WITHIN seconds.

    Without the result, the job would run again, and for example send an email twice.
    """
    if values["state"] in {"done", "failed"}:
        values["finished_at"] = now()
    _ending.set(True)
    give_up_at = time.monotonic() + END_WITHIN
    while True:
        try:
            _change_without_a_taken_key(attempt, **values)
        except LeaseLost:
            current_app.logger.warning("job %s was taken over before it ended", attempt.job_id)
            return
        except OperationalError:
            if time.monotonic() > give_up_at:
                raise
            current_app.logger.warning("job %s: its end could not be written yet", attempt.job_id, exc_info=True)
            time.sleep(1)
        else:
            return


def _change_without_a_taken_key(attempt: Attempt, **values: Any) -> None:
    try:
        _change(attempt, **values)
    except IntegrityError:  # another job with this unique key was queued meanwhile, so remove the key from this one
        _change(attempt, **values, unique_key=None)


def _change(attempt: Attempt, **values: Any) -> None:
    """Update the job's row. Raises LeaseLost if this attempt no longer has the lease."""
    with write_transaction():
        job = db.session.scalar(
            update(Job)
            .where(Job.id == attempt.job_id, Job.run_token == attempt.token, Job.state == "running")
            .values(**values)
            .returning(Job)
            .execution_options(populate_existing=True)
        )
        if job is None:
            raise LeaseLost(attempt.job_id)
        job_changed.send(job)


def report_progress(percent: int) -> None:
    """Record the progress of the running job, from 0 to 100. Pages show it to the owner of the job.

    Each call is a transaction, so call this when the number changes, not for every item. The recorded progress never
    decreases: after a crash, it stays the same until the new attempt exceeds it.

    Raises LeaseLost if another attempt runs the job, and LookupError outside a job.
    """
    attempt = _current.get()
    if attempt is None:
        raise LookupError("no job is running")
    percent = max(0, min(100, percent))
    _change(attempt, progress=case((Job.progress > percent, Job.progress), else_=percent), heartbeat_at=now())


@contextmanager
def _heartbeat(engine: Engine, attempt: Attempt) -> Iterator[None]:
    """Record heartbeats while the `with` block runs. A thread does this, because a job may be one long call."""
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
