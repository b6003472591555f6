"""Sender filters: settings with which a user filters events, depending on who caused them.

A filter moves an event to the filtered notifications, or drops it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, NamedTuple

from sqlalchemy import Integer, Select, bindparam, func, select

from app.core.database import built_once, execute_core
from app.core.exceptions import Sentence
from app.core.i18n import _l
from app.core.time import now
from app.models import DeliveryProfile, User
from app.notifications import preferences
from app.notifications.kinds import KINDS
from app.queries import visibility
from app.queries.follows import is_following

NEW_ACCOUNT_AGE = timedelta(days=7)  # how long an account counts as new
CHOICES = ("accept", "hold", "drop")  # mildest first; "hold" moves an event to the filtered notifications
# The reason shown for a filtered event, by the name of the filter.
REASONS: dict[str, Sentence] = {
    "not_following": _l("You filter notifications from people you don't follow."),
    "new_account": _l("You filter notifications from accounts less than a week old."),
}


class FilterResult(NamedTuple):
    """What happens to an event (one of CHOICES), and the name of the filter that decided this; "" if none applies."""

    choice: str
    filter: str


def filter_event(user_id: int, kind: str, actor: User | None) -> FilterResult:
    """Return what a user's filters do with an event of this kind caused by `actor`.

    If two filters apply, the stricter one wins. If either user blocks the other, the event is always dropped.
    """
    if actor is None or not KINDS[kind].has_actor:
        return FilterResult("accept", "")
    found = execute_core(_facts(), {"user_id": user_id, "actor_id": actor.id}).one()
    if found.is_blocked:
        return FilterResult("drop", "")
    verdicts = [FilterResult("accept", "")]
    if not found.follows:
        verdicts.append(FilterResult(found.not_following, "not_following"))
    if actor.created_at > now() - NEW_ACCOUNT_AGE:
        verdicts.append(FilterResult(found.new_account, "new_account"))
    return max(verdicts, key=lambda verdict: CHOICES.index(verdict.choice))


@built_once
def _facts() -> Select[*tuple[Any, ...]]:
    # Built once, because it runs for each event that another user causes.
    user_id, actor_id = (bindparam(name, type_=Integer) for name in ("user_id", "actor_id"))
    profile, usual = DeliveryProfile, preferences.default_profile(0)
    return (
        select(
            visibility.blocked_between(user_id, actor_id).label("is_blocked"),
            is_following(user_id, actor_id).label("follows"),
            func.coalesce(profile.not_following, usual.not_following).label("not_following"),
            func.coalesce(profile.new_account, usual.new_account).label("new_account"),
        )
        .select_from(User)
        .outerjoin(profile, profile.user_id == User.id)
        .where(User.id == user_id)
    )
