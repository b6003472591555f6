"""Forms of posts: their shape only; the rules are in the actions."""

from __future__ import annotations

import secrets

from flask_wtf import FlaskForm
from wtforms import HiddenField, SelectField, TextAreaField
from wtforms.validators import InputRequired, Length

from app.i18n import _l


def new_form_key() -> str:
    """A key for one rendering of a form: whatever comes back with it counts once."""
    return secrets.token_urlsafe(12)


class PostForm(FlaskForm):
    """A new post. The door sets the choices of `language`; the action checks them."""

    post = TextAreaField(_l("Say something"), validators=[InputRequired()])
    language = SelectField(_l("Language"), default="", validate_choice=False)
    form_key = HiddenField(default=new_form_key, validators=[Length(max=40)])


class LanguageForm(FlaskForm):
    """Which language a post is in."""

    language = SelectField(_l("Language"), default="", validate_choice=False)
