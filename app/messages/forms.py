"""Forms of messages and groups: only their shape; the rules are in the actions."""

from __future__ import annotations

from collections.abc import Sequence

import regex
from flask_wtf import FlaskForm
from wtforms import FloatField, HiddenField, IntegerField, StringField, TextAreaField
from wtforms.validators import AnyOf, InputRequired, Length, NumberRange, Optional
from wtforms.widgets import HiddenInput

from app.core.errors import ActionError
from app.core.i18n import _l, _lp
from app.lib.text.names import username_key
from app.models import User
from app.queries import people
from app.web.responses import new_form_key


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


TO_MAX_LENGTH = 2_000  # characters: more than twelve names need
MAX_NAMES = 50  # that are looked up; a group has room for fewer
_BETWEEN_NAMES = regex.compile(r"[\s,;،؛、，；]+")


class GroupForm(FlaskForm):
    """A first message, to one person or to several."""

    to = StringField(_lp("recipients", "To"), validators=[InputRequired(), Length(max=TO_MAX_LENGTH)])
    name = StringField(_l("Group name"), validators=[Length(max=1_000)])
    message = TextAreaField(_l("Message"))
    form_key = HiddenField(default=new_form_key, validators=[Length(max=40)])


class NameForm(FlaskForm):
    """What a group is called; empty: by the names of its people."""

    name = StringField(_l("Group name"), validators=[Length(max=1_000)])


class AddForm(FlaskForm):
    """Usernames of people who join a group."""

    to = StringField(_l("Add people"), validators=[InputRequired(), Length(max=TO_MAX_LENGTH)])


def names_in(text: str) -> list[str]:
    """The usernames in `text`, with or without @, as they were written."""
    return [name for word in _BETWEEN_NAMES.split(text) if (name := word.strip("@＠"))][:MAX_NAMES]


def people_named(text: str) -> Sequence[User]:
    """The people whose usernames, with or without @, stand in `text`. Raises ActionError when a name is nobody's."""
    names = names_in(text)
    found = people.by_usernames(names)
    known = {user.username_key for user in found}
    for name in names:
        if username_key(name) not in known:
            raise ActionError(_l("No user named %(name)s.", name=f"@{name[:64]}"))
    return found
