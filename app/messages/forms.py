"""Forms of private messages: their shape only; the rules are in the action."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import FloatField, HiddenField, IntegerField, StringField, TextAreaField
from wtforms.validators import AnyOf, InputRequired, Length, NumberRange, Optional
from wtforms.widgets import HiddenInput

from app.core.i18n import _l
from app.web.form_keys import new_form_key


class MessageForm(FlaskForm):
    """A message."""

    message = TextAreaField(_l("Message"), validators=[Optional(strip_whitespace=False)])  # a picture needs no words
    form_key = HiddenField(default=new_form_key, validators=[Length(max=40)])
    read_upto = IntegerField(widget=HiddenInput(), validators=[Optional(), NumberRange(min=0, max=2**31 - 1)])


class DraftForm(FlaskForm):
    """What is being written, and the number of the writer's newest message on the page."""

    message = TextAreaField(validators=[Length(max=20_000)])
    own_seq = IntegerField(validators=[Optional(), NumberRange(min=0, max=2**31 - 1)])


class DeliveredForm(FlaskForm):
    """The newest time that polls told a page."""

    timestamp = FloatField(validators=[InputRequired(), NumberRange(min=0, max=1e12)])


class ReadForm(FlaskForm):
    """How far the thread was rendered."""

    seq = IntegerField(validators=[InputRequired(), NumberRange(min=0, max=2**31 - 1)])


class MuteForm(FlaskForm):
    """For how many hours a conversation is muted; empty: until it is taken back."""

    hours = IntegerField(validators=[Optional(), NumberRange(min=1, max=1000)])


class EditForm(FlaskForm):
    """The new words of a message."""

    message = TextAreaField(_l("Message"), validators=[Optional(strip_whitespace=False)])  # a picture needs no words


class DeleteForm(FlaskForm):
    """For whom a message is deleted."""

    scope = StringField(validators=[AnyOf(("me", "everybody"))])
