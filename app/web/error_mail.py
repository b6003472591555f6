"""Email errors to the operators (ADMINS). A job sends the emails, at most one an hour for the same error."""

from __future__ import annotations

import hashlib
import traceback
from datetime import timedelta

from flask import current_app, has_request_context, request
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from app import mailer
from app.core.database import write_transaction
from app.core.signals import job_changed
from app.core.time import now
from app.extensions import db
from app.jobs import enqueue, job
from app.jobs.registry import MAX_CRASHES, RETRY_DELAYS
from app.models import Job

QUIET_FOR = timedelta(hours=1)
SUBJECT_LENGTH = 150  # characters


def report(error: BaseException) -> None:
    """Enqueue an email about `error` to ADMINS, unless the same error was reported less than an hour ago.

    If the email can't be stored in the database, this function writes to the log and raises nothing, because its caller
    is already handling an error.
    """
    if not current_app.config["ADMINS"]:
        return
    text = "".join(traceback.format_exception(error))
    where = f"{request.method} {request.path}" if has_request_context() else "outside a request"
    places = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
    digest = hashlib.sha256("\n".join([type(error).__name__, *places]).encode()).hexdigest()[:16]
    try:
        with write_transaction():
            _enqueue(digest, where, text)
    except SQLAlchemyError:
        current_app.logger.exception("the error report could not be stored")


def _enqueue(digest: str, where: str, text: str) -> None:
    key = f"error:{digest}"
    known = select(Job.id).where(Job.unique_key == key, Job.queued_at > now() - QUIET_FOR)
    if db.session.scalar(known.limit(1)) is None:
        enqueue("web.mail_error", unique_key=key, where=where, text=text[-20_000:])


@job_changed.connect
def report_failed_job(failed: Job) -> None:
    """Enqueue an email to ADMINS if a job has failed after its last retry, or has crashed too many workers.

    A job that raised PermanentError is not reported, because its cause, such as a rejected address, is not a bug.
    """
    if failed.state != "failed" or failed.name == "web.mail_error" or not current_app.config["ADMINS"]:
        return
    if failed.attempts > len(RETRY_DELAYS) or failed.crashes >= MAX_CRASHES:
        _enqueue(f"job:{failed.name}", f"job {failed.name} ({failed.id})", failed.error)


@job("web.mail_error", queue="mail")
def mail_error(where: str, text: str) -> None:
    """Email the traceback `text` to ADMINS. `where` names the request or job that failed.

    If the job runs twice, the email is sent twice, but both copies have the same Message-ID.
    """
    first_line = (text.strip().splitlines() or ["?"])[-1]
    subject = f"[Microblog] {first_line}"[:SUBJECT_LENGTH]
    mailer.send_plain(current_app.config["ADMINS"], subject, f"{where}\n\n{text}")
