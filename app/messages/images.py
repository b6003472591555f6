"""Pictures in messages: taking uploads, and the store they are kept in. Only who sees the message sees them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from functools import partial
from itertools import zip_longest

from flask import current_app
from werkzeug.datastructures import FileStorage

from app.errors import Refused
from app.i18n import _l
from app.media import PHOTO_SIDE, Storage, within
from app.messages.actions.pictures import MOST, Picture, checked_alt
from app.web.uploads import remove_picture, take_picture

MOST_BYTES = (MOST * 5 + 1) * 1024 * 1024  # of a request: as many pictures as a message holds, and its form


def storage() -> Storage:
    """The store of pictures in messages, in DATA_DIR."""
    return Storage(current_app.config["DATA_DIR"] / "media" / "messages")


def take(uploads: Sequence[FileStorage], alts: Sequence[str]) -> list[Picture]:
    """Check uploaded pictures and store them encoded anew; the first of `alts` tells what the first one shows.

    Raises Refused, and keeps none of them then.
    """
    chosen = [(upload, alt or "") for upload, alt in zip_longest(uploads, alts) if upload]
    if len(chosen) > MOST:
        raise Refused(_l("A message holds up to %(most)d pictures.", most=MOST))
    words = [checked_alt(alt) for _upload, alt in chosen]
    taken: list[Picture] = []
    try:
        for (upload, _alt), alt in zip(chosen, words, strict=True):
            taken.append(_take_one(upload, alt))
    except Refused:
        remove(one.file for one in taken)
        raise
    return taken


def remove(files: Iterable[str]) -> None:
    """Delete pictures that no row names any more."""
    for name in files:
        remove_picture(storage(), name)


def _take_one(upload: FileStorage, alt: str) -> Picture:
    stored = take_picture(upload, storage(), partial(within, longest=PHOTO_SIDE))
    upload.stream.seek(0)
    digest = hashlib.file_digest(upload.stream, hashlib.sha256).hexdigest()  # type: ignore[arg-type]
    return Picture(stored.name, alt, stored.width, stored.height, digest)
