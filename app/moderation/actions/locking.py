"""The locks of moderation: the report, then the moderator and the accused, by id. The fixed order avoids deadlocks.

They serialise two moderators, even if they act on each other. FOR NO KEY UPDATE: inserts that only reference the user
are not blocked.
"""

from __future__ import annotations

from sqlalchemy import select

from app.core.errors import ActionError
from app.core.i18n import _l
from app.extensions import db
from app.models import Report, User


def lock(report_id: int) -> Report:
    """Return the report, refreshed and locked. Raises sqlalchemy.exc.NoResultFound if it no longer exists.

    Users are not joined: after waiting for the lock, PostgreSQL would return the current report with the older row of
    the joined user.
    """
    this = select(Report).where(Report.id == report_id).with_for_update(key_share=True)
    found: Report = db.session.scalars(this.execution_options(populate_existing=True)).one()
    return found


def lock_person(user_id: int | None, judge: User | None) -> User:
    """Return the user, refreshed and locked, and lock the judging moderator too (None: the operator).

    Raises ActionError if the user's account was deleted or the moderator's account was suspended meanwhile.
    """
    ids = [user_id, *([judge.id] if judge else [])]
    these = select(User).where(User.id.in_(ids)).order_by(User.id).with_for_update(key_share=True)
    found = {user.id: user for user in db.session.scalars(these.execution_options(populate_existing=True))}
    if judge is not None and not judge.active:
        raise ActionError(_l("This account is suspended."))
    if user_id not in found:
        raise ActionError(_l("This account has been deleted."))
    return found[user_id]
