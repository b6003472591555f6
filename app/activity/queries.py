"""Queries for the events on a member's Activity page, and for the events that the member's filters have hidden."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Select, func, literal, select

from app.extensions import db
from app.models import Activity, User
from app.queries import activity
from app.queries.activity import Place

MAX_FILTERED_COUNT = 100  # the interface doesn't show exact numbers above this


@dataclass(frozen=True)
class EventPage:
    """A page of events, newest first. `older` is the argument `before` of the next page; None on the last page."""

    events: Sequence[Activity]
    older: Place | None


def page(reader: User, before: Place | None, size: int) -> EventPage:
    """Return a page of the events on the reader's Activity page. Runs one query.

    The page has at most `size` events. If `before` is not None, all of them are older than this position.
    """
    return _cut(activity.shown(reader.id), before, size)


def filtered_page(reader: User, before: Place | None, size: int) -> EventPage:
    """Return a page of the events that the reader's filters have hidden. Runs one query.

    The page has at most `size` events. If `before` is not None, all of them are older than this position.
    """
    return _cut(activity.filtered(reader.id), before, size)


def filtered_event(reader: User, event_id: int) -> Activity | None:
    """Return the event with this id if the reader's filters have hidden it, otherwise None."""
    return db.session.scalar(select(Activity).where(activity.is_filtered(reader.id), Activity.id == event_id))


def filtered_count(reader: User) -> int:
    """Return the number of events that the reader's filters have hidden, but at most MAX_FILTERED_COUNT."""
    some = select(literal(1)).where(activity.is_filtered(reader.id)).limit(MAX_FILTERED_COUNT).subquery()
    return int(db.session.scalar(select(func.count()).select_from(some)) or 0)


def _cut(query: Select[Activity], before: Place | None, size: int) -> EventPage:
    if before is not None:
        query = query.where(activity.older_than(before))
    found = db.session.scalars(activity.newest_first(query).limit(size + 1)).all()
    events = found[:size]
    return EventPage(events, activity.place_of(events[-1]) if len(found) > size else None)
