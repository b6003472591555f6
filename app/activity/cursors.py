"""Places in the list of activity, as addresses and forms carry them: `1763700000.123456-42`, stamp and id.

The stamp is the exact decimal text of the float, so what comes back is the same float. Of an event's stamp alone,
`first` is taken before and `last` after all events of that stamp.
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
    """The place as text."""
    return f"{place.timestamp!r}-{place.id}"


def read(text: str, *, otherwise_id: int) -> Place:
    """The place in that text. Raises ValueError for anything else."""
    found = _WRITTEN.fullmatch(text)
    if found is None:
        raise ValueError("not a place in a list")
    identity = otherwise_id if found[2] is None else min(int(found[2]), LARGEST_ID)
    return Place(float(found[1]), identity)


def before() -> Place | None:
    """Where the asked page starts; None for the first page, and for an address nobody wrote."""
    try:
        return read(request.args.get("before", ""), otherwise_id=0)
    except ValueError:
        return None


def ranges() -> list[Span]:
    """The spans in the fields `first` and `last` of the form, each as often as there are spans.

    Raises ValueError when they are not well-formed.
    """
    firsts, lasts = request.form.getlist("first"), request.form.getlist("last")
    if not 0 < len(firsts) == len(lasts) <= MAX_RANGES:
        raise ValueError("a span has a first and a last")
    pairs = zip(firsts, lasts, strict=True)
    return [(read(first, otherwise_id=0), read(last, otherwise_id=LARGEST_ID)) for first, last in pairs]
