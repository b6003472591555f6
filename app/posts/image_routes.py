"""Receive the images of new posts, and serve images to users who can see their posts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from flask import abort
from flask_login import login_required
from werkzeug.wrappers import Response

from app.core.images import Picture, storage
from app.models import PostImage
from app.posts import bp
from app.queries import post_images
from app.web import attached_images
from app.web.url_converters import ID
from app.web.viewer import viewer

IMAGE = f"/post/image/<{ID}:image_id>"

attached_images.allow_in(bp, {"posts.create", "posts.reply"})


@contextmanager
def uploaded_images() -> Iterator[Sequence[Picture]]:
    """Store the images of the submitted form, and provide them to the `with` block, which publishes a post with them.

    At the end of the block, delete the files that no post uses: those of a post that was refused, or of a form that was
    submitted twice. Raises ActionError if an image or an alt text is refused.
    """
    pictures = attached_images.take_from_request(storage("posts"))
    try:
        yield pictures
    finally:
        if pictures:
            files = [one.file for one in pictures]
            used = post_images.files_in_use(files)
            attached_images.remove((name for name in files if name not in used), storage("posts"))


@bp.get(IMAGE)
@login_required
def picture(image_id: int) -> Response:
    """Serve an image of a post."""
    return attached_images.respond(_image_or_404(image_id), storage("posts"))


@bp.get(f"{IMAGE}/thumbnail")
@login_required
def thumbnail(image_id: int) -> Response:
    """Serve the thumbnail of an image, or the full image if the thumbnail has not been made yet."""
    return attached_images.respond(_image_or_404(image_id), storage("posts"), small=True)


def _image_or_404(image_id: int) -> PostImage:
    return post_images.visible(viewer(), image_id) or abort(404)
