"""Cursors of the activity list in URLs and forms: `1763700000.123456-42`, timestamp and id.

The timestamp is the exact decimal text of the float, so parsing it gives the same float. A cursor without an id sorts
before all events with that timestamp in `first`, and after them in `last`.
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
    """Return the cursor as text."""
    return f"{place.timestamp!r}-{place.id}"


def read(text: str, *, otherwise_id: int) -> Place:
    """Parse a cursor. Raise ValueError if the text is not one."""
    found = _WRITTEN.fullmatch(text)
    if found is None:
        raise ValueError("not a place in a list")
    identity = otherwise_id if found[2] is None else min(int(found[2]), LARGEST_ID)
    return Place(float(found[1]), identity)


def before() -> Place | None:
    """Return the cursor of the requested page; None for the first page, and for an invalid cursor."""
    try:
        return read(request.args.get("before", ""), otherwise_id=0)
    except ValueError:
        return None


def ranges() -> list[Span]:
    """Return the ranges in the repeated form fields `first` and `last`.

    Raise ValueError if they are malformed.
    """
    firsts, lasts = request.form.getlist("first"), request.form.getlist("last")
    if not 0 < len(firsts) == len(lasts) <= MAX_RANGES:
        raise ValueError("a span has a first and a last")
    pairs = zip(firsts, lasts, strict=True)
    return [(read(first, otherwise_id=0), read(last, otherwise_id=LARGEST_ID)) for first, last in pairs]
