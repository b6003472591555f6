"""Background jobs for account deletion: send emails, update other members' unread counts, and delete the data."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from app import mailer
from app.accounts.actions import deletion
from app.accounts.actions.deletion import MAIL_JOB
from app.core import account_deletion
from app.core.database import end_read_transaction, write_transaction
from app.core.exports import exports
from app.core.i18n import in_language_of, moment_text
from app.core.signals import account_activity_changed
from app.extensions import db
from app.jobs import enqueue, job
from app.models import Job, User

TELL_READERS = "accounts.tell_readers"


@job(MAIL_JOB, queue="mail", timeout=90)
def mail_deletion(user_id: int, what: str, due_at: str) -> None:
    """Email the user that their account will be deleted at `due_at`, or that the deletion was cancelled.

    `what` is "ordered" if the deletion was scheduled, and "taken_back" if it was cancelled. Send nothing if the user no
    longer exists, or if the deletion was scheduled or cancelled after this job was enqueued. A second run sends the
    email again with the same Message-ID.
    """
    user = db.session.get(User, user_id)
    moment = datetime.fromisoformat(due_at)
    if user is None or user.deletion_due_at != (moment if what == "ordered" else None):
        return
    end_read_transaction()  # hold no transaction while the mail server responds
    with in_language_of(user):
        when = moment_text(moment)
    mailer.send(user, f"deletion_{what}", when=when)


@account_activity_changed.connect
def _enqueue_tell_readers(user: User) -> None:
    enqueue(TELL_READERS, user_id=user.id)


@job(TELL_READERS)
def tell_readers(user_id: int) -> None:
    """Update the unread counts of members who have unread events caused by this user.

    This job is enqueued when the user's account is closed or reopened, because events caused by closed accounts do not
    count as unread. A second run publishes the same counts again.
    """
    last: int | None = 0
    while last is not None:
        with write_transaction():
            last = deletion.tell_readers(user_id, last)


@job("accounts.delete_due", queue="slow", timeout=3600, every=3600)
def delete_due() -> None:
    """Delete the accounts whose grace period is over. The data of an account is deleted in batches.

    After a crash, the next run deletes the remaining data. A second run finds nothing to delete.
    """
    for user_id in deletion.due_accounts():
        _remove_files(user_id)
        for step in (*account_deletion.steps(), deletion.erase):
            more = True
            while more:
                with write_transaction():
                    more = deletion.is_due(user_id) and step(user_id)


def _remove_files(user_id: int) -> None:
    """Delete the files of the user's data exports.

    The files are deleted before the user's job rows, because only these rows contain the names of the files. The user's
    pictures are not deleted here: daily jobs delete pictures that no row refers to.
    """
    for result in db.session.scalars(select(Job.result).where(Job.owner_id == user_id)).all():
        if isinstance(result, dict) and "file" in result:
            exports().delete(result["file"])
    end_read_transaction()
