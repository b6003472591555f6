"""Check uploaded images, re-encode and store them. Refused images raise ActionError with a sentence for the user."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import NamedTuple

from flask import current_app
from werkzeug.datastructures import FileStorage

from app.core.database import end_read_transaction
from app.core.exceptions import ActionError, Sentence
from app.core.i18n import _l
from app.lib.media import DecoderFailed, InvalidImage, Shape, Storage, make_picture
from app.lib.media.rules import MAX_BYTES
from app.web import limits

REFUSALS: dict[str, Sentence] = {
    "empty": _l("This file is empty. Please choose another one."),
    "bytes": _l("This image is too large. The limit is 5 MB."),
    "format": _l("Choose a JPEG, PNG, GIF, WebP, AVIF or HEIC image."),
    "pixels": _l("This image is too large. The limit is 25 megapixels."),
    "broken": _l("This image is damaged and can't be read. Please choose another one."),
    "costly": _l("This image takes too long to process. Make it smaller or save it as a JPEG."),
}
BUSY = _l("The server is busy with other images. Please try again in a moment.")


class Stored(NamedTuple):
    """A stored image."""

    name: str
    width: int  # pixels
    height: int
    digest: str  # SHA-256 of the upload, in hex


def take_pictures(uploads: Sequence[FileStorage], store: Storage, shape: Shape) -> list[Stored]:
    """Check uploaded images, convert them to `shape`, and store all of them or none.

    The open read transaction is ended, because decoding is slow. Raise ActionError if an image is refused, if it can't
    be stored, or if the server is busy.
    """
    if not uploads:
        return []
    end_read_transaction()  # decoding is slow, and must not keep a transaction open
    taken: list[Stored] = []
    try:
        with _queue.place(max(1, current_app.config["WEB_THREADS"] // 2)):
            for upload in uploads:
                taken.append(_convert(upload, store, shape))
    except BaseException:
        for one in taken:
            remove_picture(store, one.name)
        raise
    return taken


def _convert(upload: FileStorage, store: Storage, shape: Shape) -> Stored:
    data = upload.stream.read(MAX_BYTES + 1)
    try:
        with _queue.turn():
            picture = make_picture(data, shape, seconds=current_app.config["IMAGE_SECONDS"])
        limits.count_pixels(picture.pixels)
        name = store.save(picture.data, "webp")
    except InvalidImage as error:
        limits.count_pixels(error.pixels)
        raise ActionError(REFUSALS[error.code]) from error
    except DecoderFailed as error:
        current_app.logger.warning("an image could not be decoded: %s", error)
        raise ActionError(BUSY) from error
    except OSError as error:  # the disk is full, or gone
        current_app.logger.exception("a picture could not be stored")
        raise ActionError(_l("We couldn't save this image. Please try again later.")) from error
    return Stored(name, picture.width, picture.height, hashlib.sha256(data).hexdigest())


class _Queue:
    """The queue of requests in this process that have images to decode.

    Only one image is decoded at a time, because decoding may need several hundred megabytes of memory. At most half of
    the request threads may be in the queue, so that the others can serve pages.
    """

    WAIT = 3.0  # seconds to wait for the decoder; each image takes about one second

    def __init__(self) -> None:
        self._lock = Lock()
        self._decoding = Lock()
        self._waiting = 0

    @contextmanager
    def place(self, most: int) -> Iterator[None]:
        """Return a context manager that keeps this request in the queue while the `with` block runs.

        Raise ActionError if there are already `most` requests in the queue.
        """
        with self._lock:
            if self._waiting >= most:
                raise ActionError(BUSY)
            self._waiting += 1
        try:
            yield
        finally:
            with self._lock:
                self._waiting -= 1

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Return a context manager that reserves the image decoder of this process.

        Raise ActionError if the decoder isn't free within WAIT seconds.
        """
        if not self._decoding.acquire(timeout=self.WAIT):
            raise ActionError(BUSY)
        try:
            yield
        finally:
            self._decoding.release()


_queue = _Queue()


def remove_picture(store: Storage, name: str) -> None:
    """Delete a stored picture that no row refers to. If this fails, a daily job deletes the orphaned file."""
    try:
        store.delete(name)
    except OSError:
        current_app.logger.exception("the picture %s could not be deleted", name)
