"""The rules for acting on a report or a user, and the maximum length of texts."""

from __future__ import annotations

from app.core import roles
from app.core.errors import ActionError
from app.core.i18n import _l
from app.core.validation import checked_body
from app.extensions import db
from app.lib.text.rich import is_blank
from app.models import Report, User


def check_open(report: Report, moderator: User, *, anybodys: bool = False) -> None:
    """Raise ActionError if a locked report is closed, or assigned to another moderator unless `anybodys` is set."""
    if report.state == "resolved":
        raise ActionError(_l("This report has already been resolved."))
    if report.assignee_id not in {None, moderator.id} and not anybodys:
        assignee = db.session.get_one(User, report.assignee_id)
        raise ActionError(_l("This report is assigned to %(name)s.", name=assignee.display_name))


def check_may_judge(moderator: User | None, person: User) -> None:
    """Raise ActionError if the moderator may not act on this user. The operator (None) may act on every user."""
    if moderator is None:
        return
    if moderator.id == person.id:
        raise ActionError(_l("You can't act on your own report."))
    if not roles.may_judge(moderator.role, person.role):
        raise ActionError(_l("Only an admin can act on a moderator."))


MAX_LENGTH = 1_000  # characters


def checked(text: str, *, needed: bool = True) -> str:
    """Return `text` as it is stored; "" is allowed only if it is not `needed`. Raises ActionError."""
    return "" if is_blank(text) and not needed else checked_body(text, MAX_LENGTH)
