"""Taking uploaded pictures: checked, encoded anew and stored, or refused with a sentence."""

from __future__ import annotations

from collections.abc import Callable
from threading import BoundedSemaphore
from typing import BinaryIO, NamedTuple, cast

from flask import current_app
from PIL import Image
from werkzeug.datastructures import FileStorage

from app.database import end_reading
from app.errors import Refused, Sentence
from app.i18n import _l
from app.media import ImageRefused, Storage, read_image, webp_bytes

REFUSALS: dict[str, Sentence] = {
    "empty": _l("The file is empty."),
    "bytes": _l("The picture is too large: 5 MB are allowed."),
    "format": _l("Please choose a JPEG, PNG, GIF or WebP picture."),
    "pixels": _l("The picture is too large: 25 megapixels are allowed."),
    "broken": _l("The picture is damaged and could not be read."),
}

# A picture within the limits may need 200 MB while it is decoded: one at a time in each process.
_decoding = BoundedSemaphore(1)


class Stored(NamedTuple):
    """A picture in its store."""

    name: str
    width: int  # pixels
    height: int


def take_picture(upload: FileStorage, store: Storage, shape: Callable[[Image.Image], Image.Image]) -> Stored:
    """Check an uploaded picture, and store what `shape` makes of it. Ends the read transaction. Raises Refused."""
    end_reading()  # decoding takes its time, and no lock
    try:
        with _decoding:
            picture = shape(read_image(cast(BinaryIO, upload.stream)))
            data = webp_bytes(picture)
        return Stored(store.save(data, "webp"), picture.width, picture.height)
    except ImageRefused as error:
        raise Refused(REFUSALS[error.code]) from error
    except OSError as error:  # the disk is full, or gone
        current_app.logger.exception("a picture could not be stored")
        raise Refused(_l("The picture could not be stored. Please try again later.")) from error


def remove_picture(store: Storage, name: str) -> None:
    """Delete a stored picture that no row names. What cannot be deleted now is stray, and a daily job's to find."""
    try:
        store.delete(name)
    except OSError:
        current_app.logger.exception("the picture %s could not be deleted", name)
