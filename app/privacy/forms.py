"""Forms for privacy settings and mutes. The forms check only the format of the input; the actions check the rules."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import BooleanField, IntegerField, RadioField
from wtforms.fields import SelectChoice
from wtforms.validators import Optional

from app.core.i18n import _l
from app.models import MessagePrivacy, Visibility

LABELS = {
    MessagePrivacy.EVERYONE: _l("Everyone"),
    MessagePrivacy.FRIENDS_OF_FRIENDS: _l("People I follow and people they follow"),
    MessagePrivacy.FOLLOWING: _l("People I follow"),
    MessagePrivacy.NOBODY: _l("No one"),
}


def _current_value(value: str | None) -> str | None:
    """Return FRIENDS_OF_FRIENDS for its former name "known", otherwise the value itself.

    Pages that were loaded before an update still submit the former name.
    """
    return MessagePrivacy.FRIENDS_OF_FRIENDS if value == "known" else value


class PrivacyForm(FlaskForm):
    """The privacy settings of a user.

    They say who may start a conversation with the user, who can see the user's posts by default, and whether the user
    shares read receipts.
    """

    message_privacy = RadioField(
        _l("Who can message me"),
        name="writable_by",
        choices=[SelectChoice(choice, label) for choice, label in LABELS.items()],
        filters=[_current_value],
        validate_choice=False,
    )
    post_visibility = RadioField(
        _l("Who can see my posts"),
        choices=[
            SelectChoice(Visibility.MEMBERS, _l("All members")),
            SelectChoice(Visibility.FOLLOWERS, _l("Followers")),
        ],
        validate_choice=False,
    )
    receipts = BooleanField(_l("Read receipts"))


class MuteForm(FlaskForm):
    """How many hours to mute a user. If the field is empty, the mute lasts until the viewer ends it."""

    hours = IntegerField(validators=[Optional()])
