"""Cursors: positions in a list of events, as text in URLs and forms. An example is `1763700000.123456-42`.

A cursor consists of an event's timestamp and id. The timestamp is the float's `repr`, so parsing it returns the same
float. If the id is omitted, the position is before all events with this timestamp (in the parameters `before` and
`first`), or after them (in the parameter `last`).
"""

from __future__ import annotations

import re

from flask import request

from app.activity.actions import Span
from app.queries.activity import Place
from app.queries.timelines import LARGEST_ID

MAX_RANGES = 200
_WRITTEN = re.compile(r"(\d{1,15}(?:\.\d{1,20})?)(?:-(\d{1,19}))?", re.ASCII)


def write(place: Place) -> str:
    """Format a position as a cursor."""
    return f"{place.timestamp!r}-{place.id}"


def read(text: str, *, otherwise_id: int) -> Place:
    """Parse a cursor. `otherwise_id` is the id to use if the cursor has none.

    Raises ValueError for an invalid cursor.
    """
    found = _WRITTEN.fullmatch(text)
    if found is None:
        raise ValueError("not a place in a list")
    identity = otherwise_id if found[2] is None else min(int(found[2]), LARGEST_ID)
    return Place(float(found[1]), identity)


def before() -> Place | None:
    """Return the position in the query argument `before`; None (the first page) if it is missing or invalid."""
    try:
        return read(request.args.get("before", ""), otherwise_id=0)
    except ValueError:
        return None


def ranges() -> list[Span]:
    """Return the ranges of events in the submitted form. Each range has a field `first` and a field `last`.

    Raises ValueError for invalid fields.
    """
    firsts, lasts = request.form.getlist("first"), request.form.getlist("last")
    if not 0 < len(firsts) == len(lasts) <= MAX_RANGES:
        raise ValueError("a span has a first and a last")
    pairs = zip(firsts, lasts, strict=True)
    return [(read(first, otherwise_id=0), read(last, otherwise_id=LARGEST_ID)) for first, last in pairs]
