"""Validation of text written by users: bodies of posts and messages, content warnings, and names."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import regex

from app.core.exceptions import ActionError
from app.core.i18n import _l, _ln
from app.lib.text.length import fits
from app.lib.text.rich import InvalidText, clean, is_blank

if TYPE_CHECKING:
    from app.models import User

# Bidi control characters would reorder the text around a name, for example in a title or an email.
_NOT_IN_NAMES = regex.compile(r"[\p{Bidi_Control}\p{Cc}\p{Cs}]")


def checked_body(body: str, max_length: int, *, optional: bool = False) -> str:
    """Return the text of a post or message, cleaned for storage.

    Raises ActionError if it is blank, contains unsupported characters, or is longer than `max_length` grapheme clusters
    (characters as a reader counts them). If `optional` is true, because there are images, a blank text becomes "".
    """
    try:
        body = clean(body).strip()
    except InvalidText:
        raise ActionError(_l("Your text contains characters that aren't supported. Please remove them.")) from None
    if is_blank(body):
        if optional:
            return ""
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
    """Return a name, cleaned for storage: on one line, or "" if it has no visible character.

    Raises ActionError if it contains unsupported characters, or is longer than `max_length` grapheme clusters
    (characters as a reader counts them) or `points` code points (the width of its database column).
    """
    try:
        name = " ".join(_NOT_IN_NAMES.sub(" ", clean(name)).split())
    except InvalidText:
        raise ActionError(_l("Your text contains characters that aren't supported. Please remove them.")) from None
    if not fits(name, max_length) or len(name) > points:
        raise ActionError(
            _ln(
                "This name is too long. The limit is %(num)s character.",
                "This name is too long. The limit is %(num)s characters.",
                max_length,
            )
        )
    return "" if is_blank(name) else name


def checked_warning(warning: str, max_length: int) -> str:
    """Return a content warning, cleaned for storage: on one line, or "" if it has no visible character.

    Raises ActionError if it contains unsupported characters, or is longer than `max_length` code points.
    """
    warning = checked_name(warning[: 10 * max_length], 10 * max_length, points=10 * max_length)
    if len(warning) > max_length:
        raise ActionError(
            _ln(
                "This is too long. The limit is %(num)s character.",
                "This is too long. The limit is %(num)s characters.",
                max_length,
            )
        )
    return warning


def send_key(author: User, body: str, form_key: str | None) -> str | None:
    """Return the idempotency key of a submitted form, or None if the form contained no form key.

    The key is stored in a unique column, so that a form submitted twice creates only one row. The key depends on the
    text, too, because a browser can show an old form again. If the user writes another text in this form, it is a new
    submission.
    """
    if not form_key:
        return None
    return hashlib.sha256("\n".join([str(author.id), form_key, body]).encode()).hexdigest()
