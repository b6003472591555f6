"""Refresh a user's counters when a block or mute starts or ends.

Blocks and mutes are query conditions (app/queries/visibility.py). They delete nothing, so ending one restores nothing.
Only the published counts change.
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
    """Notify the listeners that a block or mute between `user_id` and `other_id` started or ended.

    `restored` is True when `user_id` may see more of `other_id` again, which may also need email and push. Call
    this from every action that starts or ends a block or mute, after its rows are written.
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
