"""Sender filters: settings with which a user filters events, depending on who caused them.

A filter moves an event to the filtered notifications, or drops it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import select

from app.core.exceptions import Sentence
from app.core.i18n import _l
from app.core.time import now
from app.extensions import db
from app.models import Follow, User
from app.notifications import preferences
from app.notifications.kinds import KINDS
from app.queries import relations

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
    if relations.between(user_id, actor.id).is_blocked_either_way:
        return FilterResult("drop", "")
    profile = preferences.profile(user_id)
    verdicts = [FilterResult("accept", "")]
    if profile.not_following != "accept" and not _follows(user_id, actor.id):
        verdicts.append(FilterResult(profile.not_following, "not_following"))
    if profile.new_account != "accept" and actor.created_at > now() - NEW_ACCOUNT_AGE:
        verdicts.append(FilterResult(profile.new_account, "new_account"))
    return max(verdicts, key=lambda verdict: CHOICES.index(verdict.choice))


def _follows(follower_id: int, followed_id: int) -> bool:
    found = select(Follow.follower_id).where(Follow.follower_id == follower_id, Follow.followed_id == followed_id)
    return db.session.scalar(found) is not None
