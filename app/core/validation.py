"""Validation of text that users write, in posts and messages."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import regex

from app.core.errors import ActionError
from app.core.i18n import _l, _ln
from app.lib.text.length import fits
from app.lib.text.rich import InvalidText, clean, is_blank

if TYPE_CHECKING:
    from app.models import User

# Bidi controls would reorder the text beside a name in a title or an email.
_NOT_IN_NAMES = regex.compile(r"[\p{Bidi_Control}\p{Cc}\p{Cs}]")


def checked_body(body: str, max_length: int) -> str:
    """Return `body` as it is stored: cleaned, not blank, and at most `max_length` characters as a reader counts them.

    Raises ActionError.
    """
    try:
        body = clean(body).strip()
    except InvalidText:
        raise ActionError(_l("Your text contains unsupported characters.")) from None
    if is_blank(body):
        raise ActionError(_l("Write something first."))
    if not fits(body, max_length):
        raise ActionError(
            _ln(
                "This is too long. The limit is %(num)s character.",
                "This is too long. The limit is %(num)s characters.",
                max_length,
            )
        )
    return body


def checked_name(name: str, max_length: int, *, points: int) -> str:
    """Return `name` as it is stored: on one line, "" if it has no visible character.

    At most `max_length` characters as a reader counts them, and at most `points` code points, the width of its
    column. Raises ActionError.
    """
    try:
        name = " ".join(_NOT_IN_NAMES.sub(" ", clean(name)).split())
    except InvalidText:
        raise ActionError(_l("Your text contains unsupported characters.")) from None
    if not fits(name, max_length) or len(name) > points:
        raise ActionError(
            _ln(
                "This name is too long. The limit is %(num)s character.",
                "This name is too long. The limit is %(num)s characters.",
                max_length,
            )
        )
    return "" if is_blank(name) else name


def send_key(author: User, body: str, form_key: str | None) -> str | None:
    """Return the key that makes repeated submissions of one form a single row; None without a form key.

    The text is part of the key: a browser that shows an old form again must not lose newly written text.
    """
    if not form_key:
        return None
    return hashlib.sha256("\n".join([str(author.id), form_key, body]).encode()).hexdigest()
