"""Forms of moderation: their shape only; the rules are in the actions."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import HiddenField, TextAreaField
from wtforms.validators import Length

from app.core.i18n import _l
from app.web.form_keys import new_form_key


class ReportForm(FlaskForm):
    """What a member wants the moderators to know, beside the messages they tick."""

    note = TextAreaField(_l("What should the moderators know?"), validators=[Length(max=20_000)])
    form_key = HiddenField(default=new_form_key, validators=[Length(max=40)])


class WordsForm(FlaskForm):
    """What moderators say: to the one who is warned, or about how they decided."""

    words = TextAreaField(validators=[Length(max=20_000)])
