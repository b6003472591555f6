"""A report is judged under its lock, then the locks of who judges and of whom it accuses, by id: two moderators at once
act one after the other, also when they judge each other.

They leave the keys alone, so nobody who writes a row that only names the person waits.
"""

from __future__ import annotations

from sqlalchemy import select

from app.core.errors import ActionError
from app.core.i18n import _l
from app.extensions import db
from app.models import Report, User


def lock(report_id: int) -> Report:
    """The report as it is now, locked. Raises sqlalchemy.exc.NoResultFound when it is gone.

    Nobody is joined to it: PostgreSQL, when it has waited for the lock, gives the row as it is then beside the joined
    person of before.
    """
    this = select(Report).where(Report.id == report_id).with_for_update(key_share=True)
    found: Report = db.session.scalars(this.execution_options(populate_existing=True)).one()
    return found


def lock_person(user_id: int | None, judge: User | None) -> User:
    """The person as they are now, locked, and so is who judges them (None: the operator).

    Raises ActionError when the person's account is gone, and when the judge's was closed just now.
    """
    ids = [user_id, *([judge.id] if judge else [])]
    these = select(User).where(User.id.in_(ids)).order_by(User.id).with_for_update(key_share=True)
    found = {user.id: user for user in db.session.scalars(these.execution_options(populate_existing=True))}
    if judge is not None and not judge.active:
        raise ActionError(_l("This account is suspended."))
    if user_id not in found:
        raise ActionError(_l("This account has been deleted."))
    return found[user_id]
