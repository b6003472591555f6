"""Images that are attached to a message or a post: their number, their alt texts, and where their files are stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from flask import current_app

from app.core.exceptions import ActionError
from app.core.i18n import _l, _ln
from app.lib.media import Storage
from app.lib.text.length import fits
from app.lib.text.rich import InvalidText, clean, is_blank

MAX_IMAGES = 4  # per message or post
ALT_MAX_LENGTH = 1_000  # characters, as a reader counts them


@dataclass(frozen=True)
class Picture:
    """An uploaded image, checked and stored by app/web/attached_images.py, with its alt text."""

    file: str
    alt: str
    width: int  # pixels
    height: int
    digest: str = ""  # hash of the upload; part of the form key, see `form_key_with_images`


def storage(of: Literal["messages", "posts"]) -> Storage:
    """Return the store of the images of messages or of posts, a directory in DATA_DIR."""
    return Storage(current_app.config["DATA_DIR"] / "media" / of)


def checked_alt(alt: str) -> str:
    """Return an image's alt text as it is stored: on one line, or "" if it is blank.

    Raises ActionError if the text is too long or contains unsupported characters.
    """
    try:
        alt = " ".join(clean(alt).split())
    except InvalidText:
        raise ActionError(_l("Your text contains characters that aren't supported. Please remove them.")) from None
    if not fits(alt, ALT_MAX_LENGTH):
        raise ActionError(
            _ln(
                "This description is too long. The limit is %(num)s character.",
                "This description is too long. The limit is %(num)s characters.",
                ALT_MAX_LENGTH,
            )
        )
    return "" if is_blank(alt) else alt


def form_key_with_images(form_key: str | None, pictures: Sequence[Picture]) -> str | None:
    """Return a form key that also identifies the images of the message or post.

    A form that is submitted twice with the same key creates one message or post. If the images have changed, the key
    differs, so the form creates a new one.
    """
    if not form_key or not pictures:
        return form_key
    return "\n".join([form_key, *(f"{one.digest} {one.alt}" for one in pictures)])
