"""Forms for reports and decisions. They check only the format of the input; the actions check the rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import request
from flask_wtf import FlaskForm
from wtforms import HiddenField, IntegerField, TextAreaField
from wtforms.validators import Length
from wtforms.widgets import HiddenInput

from app.core.i18n import _l
from app.queries.timelines import LARGEST_ID
from app.web.paging import position
from app.web.responses import new_form_key


class ReportForm(FlaskForm):
    """The form for reporting messages to the moderators, with a note.

    The fields that select the messages are not part of this class. `read_selection` reads those fields.
    """

    note = TextAreaField(_l("What should the moderators know?"), validators=[Length(max=20_000)])
    form_key = HiddenField(default=new_form_key, validators=[Length(max=40)])
    revision = IntegerField(widget=HiddenInput())  # of a post: the version that the reporter saw


class NoteForm(FlaskForm):
    """A moderator's text: a warning, the reason for removing a post, or a note about the decision."""

    words = TextAreaField(validators=[Length(max=20_000)])


MAX_SELECTED = 500  # maximum number of selected messages read from the form; far more than a report may contain
BELOW = 5  # number of messages shown after the one that a link selects


@dataclass(frozen=True)
class Selection:
    """The messages that a member has selected for a report, and the page of messages to show next."""

    seqs: Sequence[int]  # of the selected messages
    before: int | None  # the page shows messages before this seq; None = the newest
    is_paging: bool  # the member goes to another page of the form, and doesn't submit the report yet


def read_selection() -> Selection:
    """Read the selected messages from the request.

    A seq is the number of a message in its conversation. Besides the fields of ReportForm, the form has three fields.
    `message` is the seq of a selected message; this field can occur several times. `show` is the value of the buttons
    for another page: a seq, for the page of the messages before it, or 0 for the newest messages. `at` is the value of
    `Selection.before` for the submitted page.

    In a GET request, ?message=<seq> selects one message, and the page with this message is shown.
    """
    linked = position("message")
    ticked = [number for raw in request.form.getlist("message")[:MAX_SELECTED] if (number := _number(raw))]
    if linked and request.method == "GET":
        return Selection([linked], min(linked + BELOW + 1, LARGEST_ID), is_paging=True)
    turned = request.form.get("show")
    before = _number(request.form.get("at", "") if turned is None else turned)
    return Selection(ticked, before or None, is_paging=turned is not None)


def _number(raw: str) -> int:
    """Return the message number in `raw`, at most LARGEST_ID, or 0 if `raw` is not a number."""
    is_number = raw.isascii() and raw.isdigit() and len(raw) <= 10
    return min(int(raw), LARGEST_ID) if is_number else 0
