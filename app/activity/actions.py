"""Mark events as read, and restore or dismiss events that a member's filters have hidden from the Activity page."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, or_, select, update

from app.core.time import now
from app.extensions import db
from app.models import Activity, User
from app.notifications import publish_activity_count
from app.queries import activity
from app.queries.activity import Place

Span = tuple[Place, Place]  # a range of events: the positions of the oldest and the newest one


def mark_read(reader: User, spans: Sequence[Span]) -> None:
    """Mark the reader's unread events in the ranges `spans` as read.

    A page sends the ranges of the events that it has shown. Events that were created after the page was rendered are
    outside these ranges, so they stay unread.
    """
    rendered = or_(*(activity.between(*span) for span in spans))
    if _change(activity.is_unread(reader.id) & rendered, read_at=now()):
        publish_activity_count(reader.id)


def restore(reader: User, spans: Sequence[Span]) -> int:
    """Move to the Activity page events that the reader's filters have hidden. Return how many were moved.

    All hidden events in the ranges `spans` are moved. They are marked as read, because the reader has just seen them.
    """
    rendered = or_(*(activity.between(*span) for span in spans))
    return _change(activity.is_filtered(reader.id) & rendered, filtered_by="", read_at=now())


def dismiss(reader: User, event: Activity) -> None:
    """Dismiss an event that the reader's filters have hidden: it is no longer listed.

    The row is kept for a while, so that the same cause does not create the event again.
    """
    _change(activity.is_filtered(reader.id) & (Activity.id == event.id), read_at=now())


def _change(which: ColumnElement[bool], **values: object) -> int:
    """Set `values` in the events that meet the condition `which`. Return the number of these events.

    The rows are locked in the order of their ids, to prevent deadlocks between the requests of two tabs.
    """
    rows = select(Activity.id).where(which).order_by(Activity.id).with_for_update()
    stmt = update(Activity).where(Activity.id.in_(rows)).values(**values).returning(Activity.id)
    return len(db.session.scalars(stmt.execution_options(synchronize_session=False)).all())
