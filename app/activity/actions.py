"""Reading one's activity, and taking out of the drawer what the filters hold back."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, or_, select, update

from app.core.clock import now
from app.extensions import db
from app.models import Activity, User
from app.notifications import publish_activity_count
from app.queries import activity
from app.queries.activity import Place

Span = tuple[Place, Place]  # the oldest and the newest event of a piece of a list


def mark_read(reader: User, spans: Sequence[Span]) -> None:
    """Record that everything in these spans was rendered to `reader`. What was read stays as it is.

    What commits later has a later stamp than anything a page could show, so it is in no span.
    """
    rendered = or_(*(activity.between(*span) for span in spans))
    if _change(activity.is_unread(reader.id) & rendered, read_at=now()):
        publish_activity_count(reader.id)


def restore(reader: User, spans: Sequence[Span]) -> int:
    """Put what is held back in these spans where it would have been, as read: its reader has just seen it.

    Returns how many events that were.
    """
    rendered = or_(*(activity.between(*span) for span in spans))
    return _change(activity.is_held(reader.id) & rendered, held_by="", read_at=now())


def dismiss(reader: User, event: Activity) -> None:
    """Put away what is held back. The row stays a while, so that the same cause is not told anew."""
    _change(activity.is_held(reader.id) & (Activity.id == event.id), read_at=now())


def _change(which: ColumnElement[bool], **values: object) -> int:
    """Change these rows, locked in the order of their ids: two tabs that read at once do not wait for each other."""
    rows = select(Activity.id).where(which).order_by(Activity.id).with_for_update()
    stmt = update(Activity).where(Activity.id.in_(rows)).values(**values).returning(Activity.id)
    return len(db.session.scalars(stmt.execution_options(synchronize_session=False)).all())
