"""When somebody was last here, told so coarsely that nobody can be watched by it."""

from __future__ import annotations

from flask_babel import to_user_timezone

from app.core.clock import now
from app.core.i18n import _
from app.models import User

WEEK, MONTH = 7, 31  # days


def last_seen(person: User) -> str:
    """ "today", "this week", "this month" or "a while ago" by the reader's calendar; "" when hidden or unknown."""
    if not person.show_last_seen or person.last_seen is None:
        return ""
    days = (to_user_timezone(now()).date() - to_user_timezone(person.last_seen).date()).days
    if days <= 0:
        return _("today")
    if days < WEEK:
        return _("this week")
    return _("this month") if days < MONTH else _("a while ago")
