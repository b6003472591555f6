"""The forms of the accounts feature. They check only the format of the input; the actions check the rules.

Routes pass `request.form` explicitly, because by default Flask-WTF would also read JSON and uploaded files.
"""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import BooleanField, EmailField, HiddenField, PasswordField, StringField
from wtforms.validators import EqualTo, InputRequired, Length

from app.accounts import passwords
from app.core.i18n import _l

NAME = {"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false", "dir": "auto"}
ADDRESS = {"autocomplete": "email", "autocapitalize": "none", "spellcheck": "false", "dir": "ltr"}
KNOWN = {"autocomplete": "current-password"}
NEW = {"autocomplete": "new-password", "minlength": str(passwords.MIN_LENGTH)}


def required() -> InputRequired:
    """Return a validator that requires input."""
    return InputRequired(_l("This field is required."))


def same_as(field: str) -> EqualTo:
    """Return a validator for repeated passwords. It requires the same value as in the field named `field`."""
    return EqualTo(field, _l("The passwords don't match."))


def short(most: int) -> Length:
    """Return a validator that limits input to `most` characters."""
    return Length(max=most, message=_l("This is too long."))


class LoginForm(FlaskForm):
    """A login with a username or email address, and a password."""

    username = StringField(_l("Username or email"), [required(), short(320)], render_kw=NAME)
    password = PasswordField(_l("Password"), [required(), short(passwords.MAX_LENGTH)], render_kw=KNOWN)
    remember_me = BooleanField(_l("Keep me logged in on this device"))


class RegisterForm(FlaskForm):
    """A registration. JavaScript sets `timezone` to the browser's time zone."""

    username = StringField(_l("Username"), [required(), short(500)], render_kw=NAME)
    email = EmailField(_l("Email"), [required(), short(1000)], render_kw=ADDRESS)
    password = PasswordField(_l("Password"), [required(), short(passwords.MAX_LENGTH)], render_kw=NEW)
    password2 = PasswordField(_l("Confirm password"), [required(), same_as("password")], render_kw=NEW)
    timezone = HiddenField(render_kw={"data-timezone": ""})


class ResetRequestForm(FlaskForm):
    """A request for a password reset link."""

    email = EmailField(_l("Email"), [required(), short(1000)], render_kw=ADDRESS)


class ResetPasswordForm(FlaskForm):
    """A new password, set with an emailed link."""

    password = PasswordField(_l("New password"), [required(), short(passwords.MAX_LENGTH)], render_kw=NEW)
    password2 = PasswordField(_l("Confirm new password"), [required(), same_as("password")], render_kw=NEW)


class EmailForm(FlaskForm):
    """A change of the email address. Requires the password, because someone else may be using an unattended browser."""

    email = EmailField(_l("New email address"), [required(), short(1000)], render_kw=ADDRESS)
    current_password = PasswordField(_l("Your password"), [required(), short(passwords.MAX_LENGTH)], render_kw=KNOWN)


class DeleteAccountForm(FlaskForm):
    """Account deletion. Requires the password, because someone else may be using an unattended browser."""

    current_password = PasswordField(_l("Your password"), [required(), short(passwords.MAX_LENGTH)], render_kw=KNOWN)


class PasswordForm(FlaskForm):
    """A change of the password. Requires the old password."""

    old_password = PasswordField(_l("Current password"), [required(), short(passwords.MAX_LENGTH)], render_kw=KNOWN)
    password = PasswordField(_l("New password"), [required(), short(passwords.MAX_LENGTH)], render_kw=NEW)
    password2 = PasswordField(_l("Confirm new password"), [required(), same_as("password")], render_kw=NEW)
