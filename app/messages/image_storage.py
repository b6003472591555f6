"""Check, store and delete the image files of messages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import zip_longest

from flask import current_app
from werkzeug.datastructures import FileStorage

from app.core.exceptions import ActionError
from app.core.i18n import _ln
from app.lib.media import PHOTO, Storage
from app.messages.actions.images import MAX_IMAGES, Picture, checked_alt
from app.web.uploads import remove_picture, take_pictures

MAX_REQUEST_BYTES = (MAX_IMAGES * 5 + 1) * 1024 * 1024  # 5 MiB for each image, 1 MiB for the rest of the form


def storage() -> Storage:
    """Return the store of message images, a directory in DATA_DIR."""
    return Storage(current_app.config["DATA_DIR"] / "media" / "messages")


def take(uploads: Sequence[FileStorage], alts: Sequence[str]) -> list[Picture]:
    """Check, re-encode and store uploaded images. `alts` are their alt texts, in the same order.

    Raises ActionError if an image or an alt text is refused. In this case, no image is stored.
    """
    chosen = [(upload, alt or "") for upload, alt in zip_longest(uploads, alts) if upload]
    if len(chosen) > MAX_IMAGES:
        raise ActionError(
            _ln(
                "You can add up to %(num)s image per message.",
                "You can add up to %(num)s images per message.",
                MAX_IMAGES,
            )
        )
    words = [checked_alt(alt) for _upload, alt in chosen]
    stored = take_pictures([upload for upload, _alt in chosen], storage(), PHOTO)
    return [Picture(one.name, alt, one.width, one.height, one.digest) for one, alt in zip(stored, words, strict=True)]


def remove(files: Iterable[str]) -> None:
    """Delete image files from the store. The caller must have deleted the rows that used them."""
    for name in files:
        remove_picture(storage(), name)
