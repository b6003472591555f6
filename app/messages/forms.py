"""Forms for messages and groups. The forms check only the format of the input; the actions check the rules."""

from __future__ import annotations

from collections.abc import Sequence

import regex
from flask_wtf import FlaskForm
from wtforms import FloatField, HiddenField, IntegerField, StringField, TextAreaField
from wtforms.validators import AnyOf, InputRequired, Length, NumberRange, Optional
from wtforms.widgets import HiddenInput

from app.core.exceptions import ActionError
from app.core.i18n import _l, _lp
from app.lib.text.names import username_key
from app.models import User
from app.queries import people
from app.web.responses import new_form_key


class MessageForm(FlaskForm):
    """A new message. The text is optional, because a message can consist of images only."""

    # NOTE: Label of the text field for a message.
    message = TextAreaField(_l("Message"), validators=[Optional(strip_whitespace=False)])
    form_key = HiddenField(default=new_form_key, validators=[Length(max=40)])
    read_upto = IntegerField(widget=HiddenInput(), validators=[Optional(), NumberRange(min=0, max=2**31 - 1)])


class DraftForm(FlaskForm):
    """A draft, and the sequence number of the writer's newest message on the page."""

    message = TextAreaField(validators=[Length(max=20_000)])
    own_seq = IntegerField(validators=[Optional(), NumberRange(min=0, max=2**31 - 1)])


class DeliveredForm(FlaskForm):
    """The newest timestamp that a page has received from polls."""

    timestamp = FloatField(validators=[InputRequired(), NumberRange(min=0, max=1e12)])


class ReadForm(FlaskForm):
    """The sequence number of the newest message that the page has shown."""

    seq = IntegerField(validators=[InputRequired(), NumberRange(min=0, max=2**31 - 1)])


class MuteForm(FlaskForm):
    """How many hours to mute a conversation. If the field is empty, the mute lasts until the user ends it."""

    hours = IntegerField(validators=[Optional(), NumberRange(min=1, max=1000)])


class EditForm(FlaskForm):
    """The new text of a message. The text is optional, because a message can consist of images only."""

    message = TextAreaField(_l("Message"), validators=[Optional(strip_whitespace=False)])


class DeleteForm(FlaskForm):
    """Whether to delete a message for the viewer or for all members."""

    scope = StringField(validators=[AnyOf(("me", "everybody"))])


TO_MAX_LENGTH = 2_000  # characters; more than the names of a full group
MAX_NAMES = 50  # maximum number of names that are looked up; more than a group can have
_BETWEEN_NAMES = regex.compile(r"[\s,;،؛、，；]+")


class GroupForm(FlaskForm):
    """The first message of a new conversation, and its recipients.

    With several recipients, the conversation is a group, which can have a name.
    """

    to = StringField(_lp("recipients", "To"), validators=[InputRequired(), Length(max=TO_MAX_LENGTH)])
    name = StringField(_l("Group name"), validators=[Length(max=1_000)])
    message = TextAreaField(_l("Message"))
    form_key = HiddenField(default=new_form_key, validators=[Length(max=40)])


class NameForm(FlaskForm):
    """The name of a group. If the name is empty, pages show the members' names instead."""

    name = StringField(_l("Group name"), validators=[Length(max=1_000)])


class AddForm(FlaskForm):
    """The usernames of people to add to a group."""

    to = StringField(_l("Add people"), validators=[InputRequired(), Length(max=TO_MAX_LENGTH)])


def names_in(text: str) -> list[str]:
    """Split `text` into usernames. Return the first MAX_NAMES of them, without @."""
    return [name for word in _BETWEEN_NAMES.split(text) if (name := word.strip("@＠"))][:MAX_NAMES]


def people_named(text: str) -> Sequence[User]:
    """Return the users whose usernames are in `text`. Raises ActionError if a username is unknown."""
    names = names_in(text)
    found = people.by_usernames(names)
    known = {user.username_key for user in found}
    for name in names:
        if username_key(name) not in known:
            raise ActionError(_l("No user named %(name)s.", name=f"@{name[:64]}"))
    return found
