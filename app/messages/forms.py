"""Forms of private messages: their shape only; the rules are in the action."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import HiddenField, IntegerField, TextAreaField
from wtforms.validators import InputRequired, Length, NumberRange, Optional
from wtforms.widgets import HiddenInput

from app.i18n import _l
from app.web.form_keys import new_form_key


class MessageForm(FlaskForm):
    """A message to one person."""

    message = TextAreaField(_l("Message"), validators=[InputRequired()])
    form_key = HiddenField(default=new_form_key, validators=[Length(max=40)])
    read_upto = IntegerField(widget=HiddenInput(), validators=[Optional(), NumberRange(min=0, max=2**31 - 1)])


class ReadForm(FlaskForm):
    """How far the thread was rendered."""

    seq = IntegerField(validators=[InputRequired(), NumberRange(min=0, max=2**31 - 1)])
