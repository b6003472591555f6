"""Telling a person that they hear of somebody no longer, or again: every number over what others do is another then.

Blocks and mutes are conditions (app/queries/visibility.py), so nothing is deleted by them and nothing has to be brought
back. What was told of it is told anew.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import select

from app.extensions import db
from app.models import Activity
from app.notifications import scheduling
from app.notifications.events import publish_activity_count
from app.notifications.kinds import KINDS
from app.queries import activity

Listener = Callable[[int, int, bool], None]
_listeners: list[Listener] = []


def when_changed(listener: Listener) -> Listener:
    """Call `listener(user_id, other_id, restored)` in the transaction of every such change."""
    if listener not in _listeners:
        _listeners.append(listener)
    return listener


def publish_change(user_id: int, other_id: int, *, restored: bool) -> None:
    """What `user_id` hears of `other_id` has changed; with `restored` there may be more of it, also for mail and push.

    For every action that makes or ends what keeps the two apart, after its rows are written.
    """
    for listener in _listeners:
        listener(user_id, other_id, restored)


@when_changed
def _count_activity(user_id: int, other_id: int, restored: bool) -> None:
    publish_activity_count(user_id)
    if restored:
        waiting = select(Activity.kind).where(activity.is_unread(user_id), Activity.actor_id == other_id).distinct()
        for kind in db.session.scalars(waiting.where(Activity.kind.in_(KINDS))).all():
            scheduling.schedule_delivery(user_id, kind)
