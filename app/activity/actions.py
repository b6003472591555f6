"""Actions on events: mark them as read, and restore or dismiss filtered notifications."""

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
    """Mark the reader's unread events in these ranges as read. The ranges are of events that a page has shown.

    Events that were created after the page was rendered are not in its ranges, so they stay unread.
    """
    rendered = or_(*(activity.between(*span) for span in spans))
    if _change(activity.is_unread(reader.id) & rendered, read_at=now()):
        publish_activity_count(reader.id)


def restore(reader: User, spans: Sequence[Span]) -> int:
    """Move the filtered events in these ranges to the Activity page, marked as read. Return their number.

    They are marked as read because the reader has just seen them.
    """
    rendered = or_(*(activity.between(*span) for span in spans))
    return _change(activity.is_filtered(reader.id) & rendered, filtered_by="", read_at=now())


def dismiss(reader: User, event: Activity) -> None:
    """Dismiss a filtered event. Its row is kept for a while, so that the same cause does not create the event again."""
    _change(activity.is_filtered(reader.id) & (Activity.id == event.id), read_at=now())


def _change(which: ColumnElement[bool], **values: object) -> int:
    """Update the events that match `which`, and return their number.

    The rows are locked in the order of their ids, to prevent deadlocks between the requests of two tabs.
    """
    rows = select(Activity.id).where(which).order_by(Activity.id).with_for_update()
    stmt = update(Activity).where(Activity.id.in_(rows)).values(**values).returning(Activity.id)
    return len(db.session.scalars(stmt.execution_options(synchronize_session=False)).all())
