"""Routes that serve the images of messages, only to users who can see the message."""

from __future__ import annotations

from flask import abort
from flask_login import login_required
from werkzeug.wrappers import Response

from app.core.images import storage
from app.messages import bp
from app.messages.queries import images
from app.models import MessageImage
from app.web import attached_images
from app.web.url_converters import ID
from app.web.viewer import viewer

IMAGE = f"/messages/image/<{ID}:image_id>"

attached_images.allow_in(bp, {"messages.send", "messages.start_group"})


@bp.get(IMAGE)
@login_required
def picture(image_id: int) -> Response:
    """Serve an image of a message."""
    return attached_images.respond(_image_or_404(image_id), storage("messages"))


@bp.get(f"{IMAGE}/thumbnail")
@login_required
def thumbnail(image_id: int) -> Response:
    """Serve the thumbnail of an image, or the full image if the thumbnail has not been made yet."""
    return attached_images.respond(_image_or_404(image_id), storage("messages"), small=True)


def _image_or_404(image_id: int) -> MessageImage:
    return images.visible(viewer(), image_id) or abort(404)
