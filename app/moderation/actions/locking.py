"""A report is judged under its lock, then the lock of whom it accuses: two moderators at once act one after the other.

Both leave the keys alone, so nobody who writes a row that only names the person waits.
"""

from __future__ import annotations

from sqlalchemy import select

from app.errors import Refused
from app.extensions import db
from app.i18n import _l
from app.models import Report, User


def lock(report_id: int) -> Report:
    """The report as it is now, locked. Raises sqlalchemy.exc.NoResultFound when it is gone.

    Nobody is joined to it: PostgreSQL, when it has waited for the lock, gives the row as it is then beside the joined
    person of before.
    """
    this = select(Report).where(Report.id == report_id).with_for_update(key_share=True)
    found: Report = db.session.scalars(this.execution_options(populate_existing=True)).one()
    return found


def lock_person(user_id: int | None) -> User:
    """The person as they are now, locked. Raises Refused when their account is gone."""
    this = select(User).where(User.id == user_id).with_for_update(key_share=True)
    found: User | None = db.session.scalar(this.execution_options(populate_existing=True))
    if found is None:
        raise Refused(_l("This account is deleted."))
    return found
