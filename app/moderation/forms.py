"""Forms of moderation, and the selected messages of a report. They check only the shape of input, the actions the
rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import request
from flask_wtf import FlaskForm
from wtforms import HiddenField, TextAreaField
from wtforms.validators import Length

from app.core.i18n import _l
from app.queries.timelines import LARGEST_ID
from app.web.paging import position
from app.web.responses import new_form_key


class ReportForm(FlaskForm):
    """A member's note to the moderators, beside the selected messages."""

    note = TextAreaField(_l("What should the moderators know?"), validators=[Length(max=20_000)])
    form_key = HiddenField(default=new_form_key, validators=[Length(max=40)])


class WordsForm(FlaskForm):
    """A moderator's text: a warning, or a note about the decision."""

    words = TextAreaField(validators=[Length(max=20_000)])


MAX_TICKED = 500  # selected messages that are read from the form; far more than a report may hold
BELOW = 5  # messages shown after the one that a link points to


@dataclass(frozen=True)
class Picked:
    """The messages selected, on this page of the form and on others."""

    seqs: Sequence[int]
    before: int | None  # the page shows messages before this seq; None = the newest
    only_looks: bool  # the member is paging and doesn't submit the report yet


def picked() -> Picked:
    """Read the selection from the request.

    Form fields: `message` (seqs), `show` (go to the messages before this seq) and `at` (the page the form was sent
    from). The URL parameter ?message=7 selects one message and goes to it.
    """
    linked = position("message")
    ticked = [number for raw in request.form.getlist("message")[:MAX_TICKED] if (number := _number(raw))]
    if linked and request.method == "GET":
        return Picked([linked], min(linked + BELOW + 1, LARGEST_ID), only_looks=True)
    turned = request.form.get("show")
    before = _number(request.form.get("at", "") if turned is None else turned)
    return Picked(ticked, before or None, only_looks=turned is not None)


def _number(raw: str) -> int:
    """Return `raw` as a message's seq, or 0 for anything else."""
    is_number = raw.isascii() and raw.isdigit() and len(raw) <= 10
    return min(int(raw), LARGEST_ID) if is_number else 0
