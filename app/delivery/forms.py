"""The form of the delivery settings. It checks only the format of the input; actions.py checks the rules."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import time
from typing import Any

from babel.dates import get_day_names
from flask import request
from flask_babel import get_locale
from flask_wtf import FlaskForm
from wtforms import BooleanField, Form, RadioField, SelectField, TimeField
from wtforms.fields import SelectChoice
from wtforms.validators import Optional

from app.core.exceptions import ActionError
from app.core.i18n import _l, _lp
from app.delivery.actions import ProfileChange
from app.models import DeliveryProfile
from app.notifications.kinds import KINDS, MAILS
from app.notifications.preferences import Preference
from app.notifications.sender_filters import CHOICES

MAIL_LABELS = {
    # NOTE: How often email about a kind of event is sent.
    "none": _l("No email"),
    "now": _l("Immediately"),
    "daily": _l("Daily digest"),
    "weekly": _l("Weekly digest"),
}
CHOICE_LABELS = {"accept": _lp("filter", "Accept"), "hold": _lp("filter", "Filter"), "drop": _lp("filter", "Ignore")}
ANSWERS = [SelectChoice(choice, CHOICE_LABELS[choice]) for choice in CHOICES]
SUCH_AS = _l("Enter a time, such as 07:30.")
NIGHT = (22 * 60, 7 * 60)  # the quiet hours suggested to a user who has none
COUNTED_ELSEWHERE = frozenset({"message"})  # kinds with a badge of their own, which can't be turned off


class RowForm(Form):
    """A row of the delivery grid: the preferences for one kind of notification."""

    badge = BooleanField(_lp("notification", "Badge"))
    push = BooleanField(_lp("notification", "Push"))
    mail = SelectField(
        _lp("notification", "Email"),
        choices=[SelectChoice(mail, MAIL_LABELS[mail]) for mail in MAILS],
        validate_choice=False,
    )
    # NOTE: Column heading: whether several events of one kind are shown as one.
    grouped = BooleanField(_l("Group together"))


class DeliveryForm(FlaskForm):
    """The form of a user's delivery settings: the delivery grid, and the settings for all kinds of notifications.

    `rows` contains a form for each kind in the grid, by the kind's name.
    """

    quiet = BooleanField(_l("Quiet hours"))
    quiet_from = TimeField(_l("Start time"), [Optional()], invalid_value_message=SUCH_AS)
    quiet_until = TimeField(_l("End time"), [Optional()], invalid_value_message=SUCH_AS)
    # NOTE: Label of a time field.
    digest_at = TimeField(_l("Send digests at"), [Optional()], invalid_value_message=SUCH_AS)
    # NOTE: Label of a field with the days of the week.
    digest_weekday = SelectField(_l("Send weekly digests on"), coerce=int, validate_choice=False)
    not_following = RadioField(_l("People I don't follow"), choices=ANSWERS, validate_choice=False)
    new_account = RadioField(_l("Accounts less than a week old"), choices=ANSWERS, validate_choice=False)

    rows: Mapping[str, RowForm]

    @classmethod
    def of(cls, grid: Mapping[str, Preference], profile: DeliveryProfile, kinds: Collection[str]) -> DeliveryForm:
        """Return a form with a row for each of these kinds.

        The form is filled with the submitted data, or with the stored settings if nothing was submitted.
        """
        quiet_from, quiet_until = profile.quiet_from, profile.quiet_until
        if quiet_from is None or quiet_until is None:
            quiet_from, quiet_until = NIGHT
        stored = {
            "quiet": profile.quiet_from is not None,
            "quiet_from": time(*divmod(quiet_from, 60)),
            "quiet_until": time(*divmod(quiet_until, 60)),
            "digest_at": time(*divmod(profile.digest_at, 60)),
            "digest_weekday": profile.digest_weekday,
            "not_following": profile.not_following,
            "new_account": profile.new_account,
        }
        form = cls(data=stored)
        days = get_day_names("wide", context="stand-alone", locale=get_locale() or "en")
        form.digest_weekday.choices = [SelectChoice(number, days[number]) for number in range(7)]
        sent = request.form if form.is_submitted() else None
        form.rows = {name: RowForm(sent, obj=grid[name], prefix=f"{name}-") for name in kinds}
        return form

    @property
    def grid(self) -> dict[str, Preference]:
        """The submitted rows of the delivery grid: a preference for each kind, by the kind's name."""
        return {name: _preference(name, row.data) for name, row in self.rows.items()}

    @property
    def change(self) -> ProfileChange:
        """The submitted settings outside the grid: quiet hours, digest times and sender filters.

        Raises ActionError if a required time is missing.
        """
        is_quiet = bool(self.quiet.data)
        return ProfileChange(
            quiet_from=_minutes(self.quiet_from.data) if is_quiet else None,
            quiet_until=_minutes(self.quiet_until.data) if is_quiet else None,
            digest_at=_minutes(self.digest_at.data),
            digest_weekday=int(self.digest_weekday.data),
            not_following=self.not_following.data or "",
            new_account=self.new_account.data or "",
        )


def _preference(name: str, sent: Mapping[str, Any]) -> Preference:
    return Preference(
        badge=bool(sent["badge"]) or name in COUNTED_ELSEWHERE,
        push=bool(sent["push"]),
        mail=sent["mail"] or "",
        grouped=bool(sent["grouped"]) and KINDS[name].groups,
    )


def _minutes(at: time | None) -> int:
    if at is None:
        raise ActionError(SUCH_AS)
    return at.hour * 60 + at.minute
