"""Account deletion: schedule it, cancel it, and delete the data after the grace period.

docs/decisions/0009-deleted-accounts.md explains which data remains, and why.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import ColumnElement, delete, or_, select, tuple_, update

from app.accounts.actions import email_links, logins
from app.core.exceptions import ActionError
from app.core.i18n import _l
from app.core.signals import account_activity_changed
from app.core.time import now
from app.extensions import Base, db
from app.jobs import enqueue
from app.models import Activity, Report, User
from app.notifications import publish_activity_count

GRACE_PERIOD = timedelta(days=14)  # between request and deletion
MAIL_JOB = "accounts.mail_deletion"
BATCH = 500  # rows deleted in one transaction
NOTIFY_BATCH = 50  # members updated in one transaction, which locks their notification clocks


def schedule_deletion(user: User) -> datetime:
    """Close the account of `user` and schedule its deletion. Return the time of the deletion.

    The caller must first check the password. All logins of the user end, and an email tells the user how to cancel the
    deletion. Raises ActionError if the user is the only admin, or if the account was closed or its password changed
    since the check.
    """
    _check_not_the_last_admin(user)
    due_at = now() + GRACE_PERIOD
    same = (User.id == user.id, User.active, User.password_hash == user.password_hash)
    closing = update(User).where(*same).values(active=False, deletion_due_at=due_at)
    if db.session.scalar(closing.returning(User.id)) is None:
        raise ActionError(_l("Your account was just changed. Please try again."))
    logins.end_logins(user)
    email_links.revoke(user, "confirm", "reset", "change_email")
    _enqueue_email(user, "ordered", due_at)
    account_activity_changed.send(user)
    return due_at


def cancel_deletion(user: User) -> None:
    """Reopen the account of `user` and cancel its deletion.

    The caller must first check the password. Raises ActionError if no deletion is scheduled, if the deletion is already
    due, if the account is suspended, or if the password was changed since the check.
    """
    due_at = user.deletion_due_at
    same = (User.id == user.id, User.password_hash == user.password_hash)
    waits = (User.deletion_due_at > now(), User.suspended_at.is_(None))
    opening = update(User).where(*same, *waits).values(active=True, deletion_due_at=None)
    if due_at is None or db.session.scalar(opening.returning(User.id)) is None:
        raise ActionError(_l("Your account was just changed. Please try again."))
    _enqueue_email(user, "taken_back", due_at)
    account_activity_changed.send(user)


def tell_readers(user_id: int, after: int) -> int | None:
    """Update the unread counts of a batch of members who have unread events caused by the user `user_id`.

    Events caused by closed accounts do not count as unread, so the counts change when an account is closed or reopened.
    The batch contains members with ids greater than `after`. Return the last id of the batch, or None if the batch is
    empty.
    """
    heard = select(Activity.user_id).where(Activity.actor_id == user_id, Activity.read_at.is_(None))
    some = heard.where(Activity.user_id > after).distinct().order_by(Activity.user_id).limit(NOTIFY_BATCH)
    readers = db.session.scalars(some).all()
    for reader in readers:
        publish_activity_count(reader)
    return readers[-1] if readers else None


def due_accounts() -> Sequence[int]:
    """Return the ids of the accounts that are due for deletion, the longest overdue first."""
    return db.session.scalars(select(User.id).where(User.deletion_due_at <= now()).order_by(User.deletion_due_at)).all()


def is_due(user_id: int) -> bool:
    """Lock the account, and return whether it still exists and is due for deletion.

    The reports in which the user is the reporter, accused or assignee are also locked, before the account. Moderation
    locks rows in the same order (app/moderation/actions/locking.py), which prevents deadlocks.
    """
    named = (Report.reporter_id, Report.accused_id, Report.assignee_id)
    these = select(Report.id).where(or_(*(person == user_id for person in named))).order_by(Report.id)
    db.session.execute(these.with_for_update(key_share=True))
    this = select(User.id).where(User.id == user_id, User.deletion_due_at <= now())
    return db.session.scalar(this.with_for_update(key_share=True)) is not None


def erase(user_id: int) -> bool:
    """Delete a batch of the user's rows from one table. If no table contains rows of the user, delete the user.

    Return True if there may be more rows to delete.
    """
    for keys, belongs in _owned_rows(user_id):
        some = select(*keys).where(belongs).limit(BATCH)
        gone: Any = db.session.execute(delete(keys[0].table).where(tuple_(*keys).in_(some)))
        if gone.rowcount:
            return True
    db.session.execute(delete(User).where(User.id == user_id))
    return False


def _owned_rows(user_id: int) -> Iterator[tuple[Sequence[Any], ColumnElement[bool]]]:
    """Yield the primary key of each table that can contain rows of the user, and a condition that selects these rows.

    A table can contain rows of a user if it has a foreign key to users with ON DELETE CASCADE.
    """
    for table in Base.metadata.sorted_tables:
        for key in table.foreign_keys:
            if key.ondelete == "CASCADE" and key.references(User.__table__):  # type: ignore[arg-type]
                yield list(table.primary_key.columns), key.parent == user_id


def _check_not_the_last_admin(user: User) -> None:
    admins = select(User.id).where(User.role == "admin", User.active).order_by(User.id)
    others = [admin for admin in db.session.scalars(admins.with_for_update(key_share=True)) if admin != user.id]
    if user.role == "admin" and not others:
        raise ActionError(_l("You're the only admin. Make someone else an admin first."))


def _enqueue_email(user: User, what: Literal["ordered", "taken_back"], due_at: datetime) -> None:
    enqueue(MAIL_JOB, user_id=user.id, what=what, due_at=due_at.isoformat())
