"""Lock the rows of a report and of users, so that the actions of two moderators are serialised.

The order is fixed to prevent deadlocks: first the report, then the moderator and the accused user in the order of their
ids. The lock mode is FOR NO KEY UPDATE, which doesn't block inserts of rows that reference the user.
"""

from __future__ import annotations

from sqlalchemy import select

from app.core.exceptions import ActionError
from app.core.i18n import _l
from app.extensions import db
from app.models import Report, User


def lock(report_id: int) -> Report:
    """Lock a report and return it, reloaded from the database.

    Raises sqlalchemy.exc.NoResultFound if the report no longer exists.
    """
    # The query doesn't join users: after waiting for the lock, PostgreSQL would return the current row of the report,
    # but an outdated row of the user.
    this = select(Report).where(Report.id == report_id).with_for_update(key_share=True)
    found: Report = db.session.scalars(this.execution_options(populate_existing=True)).one()
    return found


def lock_person(user_id: int | None, judge: User | None) -> User:
    """Lock a user and the moderator who acts on them. Return the user, reloaded from the database.

    `judge` is the moderator, or None for the operator on the command line. Raises ActionError if the user's account has
    been deleted, or if the moderator's account is inactive.
    """
    ids = [user_id, *([judge.id] if judge else [])]
    these = select(User).where(User.id.in_(ids)).order_by(User.id).with_for_update(key_share=True)
    found = {user.id: user for user in db.session.scalars(these.execution_options(populate_existing=True))}
    if judge is not None and not judge.active:
        raise ActionError(_l("This account is suspended."))
    if user_id not in found:
        raise ActionError(_l("This account has been deleted."))
    return found[user_id]
