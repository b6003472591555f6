"""Routes that serve the images of messages, only to users who can see the message."""

from __future__ import annotations

from typing import Any

from flask import abort, current_app, make_response, request
from flask_login import login_required
from werkzeug.wrappers import Response

from app.messages import bp
from app.messages.image_storage import MAX_REQUEST_BYTES, storage
from app.messages.queries import images
from app.models import MessageImage
from app.web.url_converters import ID
from app.web.viewer import viewer

DAY = 24 * 3600  # seconds
IMAGE = f"/messages/image/<{ID}:image_id>"
TAKE_PICTURES = frozenset({"messages.send", "messages.start_group"})


@bp.url_value_preprocessor
def allow_pictures(endpoint: str | None, _values: dict[str, Any] | None) -> None:
    """Increase the size limit of requests that may contain images. This runs before the request body is read."""
    if endpoint in TAKE_PICTURES:
        request.max_content_length = MAX_REQUEST_BYTES


@bp.get(IMAGE)
@login_required
def picture(image_id: int) -> Response:
    """Serve an image of a message."""
    image = _image_or_404(image_id)
    return _file(image, image.file)


@bp.get(f"{IMAGE}/thumbnail")
@login_required
def thumbnail(image_id: int) -> Response:
    """Serve the thumbnail of an image.

    If the thumbnail has not been made yet, serve the full image with `Cache-Control: no-store`, so that browsers
    request the thumbnail later.
    """
    image = _image_or_404(image_id)
    if image.thumbnail:
        return _file(image, image.thumbnail)
    response = _file(image, image.file)
    response.headers["Cache-Control"] = "no-store"
    return response


def _image_or_404(image_id: int) -> MessageImage:
    return images.visible(viewer(), image_id) or abort(404)


def _file(image: MessageImage, name: str) -> Response:
    try:
        with storage().open(name) as file:
            response = make_response(file.read())
    except FileNotFoundError:
        current_app.logger.warning("a file of picture %d in a message is missing", image.id)
        abort(404)
    response.mimetype = "image/webp"
    # Ids are never reused, so the image is immutable. The response has "Vary: Cookie", so that another user of this
    # browser doesn't get the image from the cache.
    response.headers["Cache-Control"] = f"private, max-age={DAY}, immutable"
    return response
