"""Check the rules for acting on a report or a user, and the text of a note or a warning."""

from __future__ import annotations

from app.core import roles
from app.core.exceptions import ActionError
from app.core.i18n import _l, isolated
from app.core.validation import checked_body
from app.extensions import db
from app.lib.text.rich import is_blank
from app.models import Report, ReportState, User


def check_open(report: Report, moderator: User, *, anybodys: bool = False) -> None:
    """Raise ActionError if a report is resolved or assigned to another moderator.

    If `anybodys` is true, a report that is assigned to another moderator is allowed. The caller must have locked the
    report.
    """
    if report.state == ReportState.RESOLVED:
        raise ActionError(_l("This report has already been resolved."))
    if report.assignee_id not in {None, moderator.id} and not anybodys:
        assignee = db.session.get_one(User, report.assignee_id)
        raise ActionError(_l("This report is assigned to %(name)s.", name=isolated(assignee.display_name)))


def check_can_moderate(moderator: User | None, person: User) -> None:
    """Raise ActionError if the moderator may not act on this user.

    For the operator, `moderator` is None. The operator may act on every user.
    """
    if moderator is None:
        return
    if moderator.id == person.id:
        raise ActionError(_l("You can't take action against your own account."))
    if not roles.can_moderate(moderator.role, person.role):
        raise ActionError(_l("Only an admin can take action against a moderator."))


MAX_LENGTH = 1_000  # characters of a note or a warning


def checked(text: str, *, needed: bool = True) -> str:
    """Return `text` normalised for storage. Blank text becomes "" if `needed` is False.

    Raises ActionError if the text is blank but needed, is too long, or contains unsupported characters.
    """
    return "" if is_blank(text) and not needed else checked_body(text, MAX_LENGTH)
