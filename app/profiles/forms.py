"""The profile form. It checks only the format of the input; the action checks the rules."""

from __future__ import annotations

from typing import Any

from flask import request
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from werkzeug.datastructures import CombinedMultiDict, MultiDict
from wtforms import BooleanField, SelectField, StringField, TextAreaField

from app.core.i18n import _l, _lp, languages, request_language
from app.lib.locales import language_name
from app.models import User
from app.profiles import timezones
from app.profiles.actions import ProfileChange


class ProfileForm(FlaskForm):
    """The profile's texts, display settings and picture."""

    avatar = FileField(_l("Profile picture"))
    remove_avatar = BooleanField(_l("Remove my profile picture"))
    name = StringField(_l("Display name"))
    about_me = TextAreaField(_l("About me"))
    language = SelectField(_l("Language"))
    timezone = SelectField(_l("Time zone"))
    theme = SelectField(_l("Theme"))
    show_last_seen = BooleanField(_l("Show when I was last active"))

    @classmethod
    def of(cls, person: User) -> ProfileForm:
        """Return the submitted form or, in a GET request, the form filled with the stored values of `person`."""
        fields = ("name", "about_me", "language", "timezone", "theme", "show_last_seen")
        stored = {field: getattr(person, field) for field in fields}
        form = cls(_sent() if request.method == "POST" else None, data=stored)
        form.language.choices = [
            # NOTE: Choice of a language: the one the browser asks for.
            ("", _l("Browser language")),
            *((code, language_name(code)) for code in languages()),
        ]
        form.timezone.choices = timezones.choices(request_language(person), person.timezone)
        form.theme.choices = [
            # NOTE: Choice of a theme: light or dark, like the device.
            ("auto", _l("Match system")),
            ("light", _lp("theme", "Light")),
            ("dark", _lp("theme", "Dark")),
        ]
        return form

    @property
    def change(self) -> ProfileChange:
        """The submitted values, for `actions.edit_profile`."""
        return ProfileChange(
            name=self.name.data or "",
            about_me=self.about_me.data or "",
            language=self.language.data or "",
            timezone=self.timezone.data or "",
            theme=self.theme.data or "",
            show_last_seen=bool(self.show_last_seen.data),
        )


def _sent() -> MultiDict[str, Any]:
    # Take only the picture from the uploaded files. A file with the name of a text field would replace its text.
    picture = MultiDict([("avatar", file) for file in request.files.getlist("avatar")])
    return CombinedMultiDict([request.form, picture])
