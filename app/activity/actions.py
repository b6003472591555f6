"""Marking events as read, and restoring or dismissing filtered notifications."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, or_, select, update

from app.core.clock import now
from app.extensions import db
from app.models import Activity, User
from app.notifications import publish_activity_count
from app.queries import activity
from app.queries.activity import Place

Span = tuple[Place, Place]  # the oldest and the newest event of a range in a list


def mark_read(reader: User, spans: Sequence[Span]) -> None:
    """Mark the events in these ranges as read, since a page showed them to `reader`.

    Events that were read before stay unchanged. Events that commit later have later timestamps than any page could
    show, so no range includes them.
    """
    rendered = or_(*(activity.between(*span) for span in spans))
    if _change(activity.is_unread(reader.id) & rendered, read_at=now()):
        publish_activity_count(reader.id)


def restore(reader: User, spans: Sequence[Span]) -> int:
    """Move the filtered events in these ranges to the Activity page, as read, since the reader has just seen them.

    Return the number of events.
    """
    rendered = or_(*(activity.between(*span) for span in spans))
    return _change(activity.is_held(reader.id) & rendered, held_by="", read_at=now())


def dismiss(reader: User, event: Activity) -> None:
    """Dismiss a filtered event. The row is kept for a while, so that the same cause does not create a new event."""
    _change(activity.is_held(reader.id) & (Activity.id == event.id), read_at=now())


def _change(which: ColumnElement[bool], **values: object) -> int:
    """Update these rows and return their number.

    Locking in the order of ids prevents deadlocks between two open tabs.
    """
    rows = select(Activity.id).where(which).order_by(Activity.id).with_for_update()
    stmt = update(Activity).where(Activity.id.in_(rows)).values(**values).returning(Activity.id)
    return len(db.session.scalars(stmt.execution_options(synchronize_session=False)).all())
