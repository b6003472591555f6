"""Forms of privacy. They check only the shape of input; the actions check the rules."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import BooleanField, IntegerField, RadioField
from wtforms.fields import SelectChoice
from wtforms.validators import Optional

from app.core.i18n import _l
from app.queries.relations import WRITABLE_BY

WORDS = {
    "everyone": _l("Everyone"),
    "known": _l("People I follow and people they follow"),
    "following": _l("People I follow"),
    "nobody": _l("No one"),
}


class PrivacyForm(FlaskForm):
    """Who may start a conversation, and whether read receipts are shared."""

    writable_by = RadioField(
        _l("Who can message you"),
        choices=[SelectChoice(choice, WORDS[choice]) for choice in WRITABLE_BY],
        validate_choice=False,
    )
    receipts = BooleanField(_l("Read receipts"))


class MuteForm(FlaskForm):
    """How many hours to mute a user; empty means until they are unmuted."""

    hours = IntegerField(validators=[Optional()])
