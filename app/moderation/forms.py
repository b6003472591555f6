"""Forms of moderation, and the ticked messages of a report: only their shape; the rules are in the actions."""

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
    """What a member wants the moderators to know, beside the messages they tick."""

    note = TextAreaField(_l("What should the moderators know?"), validators=[Length(max=20_000)])
    form_key = HiddenField(default=new_form_key, validators=[Length(max=40)])


class WordsForm(FlaskForm):
    """What moderators say: to the one who is warned, or about how they decided."""

    words = TextAreaField(validators=[Length(max=20_000)])


MAX_TICKED = 500  # ticks that are looked at; far more than one report holds
BELOW = 5  # messages that follow the one a link leads to


@dataclass(frozen=True)
class Picked:
    """What is ticked, on this page and on others."""

    seqs: Sequence[int]
    before: int | None  # the page shows what is before this number; None = the newest
    only_looks: bool  # somebody turns the page, and sends nothing yet


def picked() -> Picked:
    """As the request says: fields `message` (numbers), `show` (turn to the messages before it) and `at` (the page it
    was sent from). The address ?message=7 ticks one and turns to it.
    """
    linked = position("message")
    ticked = [number for raw in request.form.getlist("message")[:MAX_TICKED] if (number := _number(raw))]
    if linked and request.method == "GET":
        return Picked([linked], min(linked + BELOW + 1, LARGEST_ID), only_looks=True)
    turned = request.form.get("show")
    before = _number(request.form.get("at", "") if turned is None else turned)
    return Picked(ticked, before or None, only_looks=turned is not None)


def _number(raw: str) -> int:
    """A number of a message; 0 for anything else."""
    is_number = raw.isascii() and raw.isdigit() and len(raw) <= 10
    return min(int(raw), LARGEST_ID) if is_number else 0
