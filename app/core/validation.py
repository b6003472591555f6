"""The rules for what people write, posts and messages alike."""

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

# Controls of direction would turn around what stands beside a name in a title or a mail.
_NOT_IN_NAMES = regex.compile(r"[\p{Bidi_Control}\p{Cc}\p{Cs}]")


def checked_body(body: str, max_length: int) -> str:
    """`body` as it is stored: cleaned, visible, at most `max_length` characters as the reader counts them.

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
    """`name` as it is stored: on one line, "" when nobody could see it.

    At most `max_length` characters as the reader counts them, and as many code points as its column is wide. Raises
    ActionError.
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
    """What makes two sends of one form one row; None for text that came without a form.

    The text is part of the key: a browser that shows an old form again must not swallow what is written next.
    """
    if not form_key:
        return None
    return hashlib.sha256("\n".join([str(author.id), form_key, body]).encode()).hexdigest()
