"""Receive and serve the images that are attached to messages and posts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import zip_longest
from typing import Any

from flask import Blueprint, abort, current_app, make_response, request
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response

from app.core.exceptions import ActionError
from app.core.i18n import _ln
from app.core.images import MAX_IMAGES, Picture, checked_alt
from app.lib.media import PHOTO, Storage
from app.models import MessageImage, PostImage
from app.web.uploads import remove_picture, take_pictures

MAX_REQUEST_BYTES = (MAX_IMAGES * 5 + 1) * 1024 * 1024  # 5 MiB for each image, 1 MiB for the rest of the form
DAY = 24 * 3600  # seconds


def allow_in(bp: Blueprint, endpoints: Collection[str]) -> None:
    """Increase the size limit of requests to these endpoints of a blueprint, so that they can contain images."""

    @bp.url_value_preprocessor  # runs before the request body is read
    def allow(endpoint: str | None, _values: dict[str, Any] | None) -> None:
        if endpoint in endpoints:
            request.max_content_length = MAX_REQUEST_BYTES


def take_from_request(store: Storage) -> list[Picture]:
    """Check, re-encode and store the images of the submitted form, with their alt texts.

    Raises ActionError if an image or an alt text is refused. In this case, no image is stored.
    """
    return take(request.files.getlist("image"), request.form.getlist("alt"), store)


def take(uploads: Sequence[FileStorage], alts: Sequence[str], store: Storage) -> list[Picture]:
    """Check, re-encode and store uploaded images. `alts` are their alt texts, in the same order.

    Raises ActionError if an image or an alt text is refused. In this case, no image is stored.
    """
    chosen = [(upload, alt or "") for upload, alt in zip_longest(uploads, alts) if upload]
    if len(chosen) > MAX_IMAGES:
        raise ActionError(
            _ln("You can add up to %(num)s image.", "You can add up to %(num)s images.", MAX_IMAGES),
        )
    words = [checked_alt(alt) for _upload, alt in chosen]
    stored = take_pictures([upload for upload, _alt in chosen], store, PHOTO)
    return [Picture(one.name, alt, one.width, one.height, one.digest) for one, alt in zip(stored, words, strict=True)]


def remove(files: Iterable[str], store: Storage) -> None:
    """Delete image files from the store. The caller must have deleted the rows that used them."""
    for name in files:
        remove_picture(store, name)


def respond(image: MessageImage | PostImage, store: Storage, *, small: bool = False) -> Response:
    """Return the response with an image, or with its thumbnail if `small` is true.

    If the thumbnail has not been made yet, the response has the full image with `Cache-Control: no-store`, so that
    browsers request the thumbnail later. The caller must have checked that the viewer can see the image.
    """
    name = image.thumbnail if small and image.thumbnail else image.file
    try:
        with store.open(name) as file:
            response = make_response(file.read())
    except FileNotFoundError:
        current_app.logger.warning("a file of picture %d in %s is missing", image.id, store.root.name)
        abort(404)
    response.mimetype = "image/webp"
    # Ids are never reused, so the image is immutable. The response has "Vary: Cookie", so that another user of this
    # browser doesn't get the image from the cache.
    is_final = name == image.thumbnail or not small
    response.headers["Cache-Control"] = f"private, max-age={DAY}, immutable" if is_final else "no-store"
    return response
