"""Add images to a post, and delete their files after the post is deleted."""

from __future__ import annotations

from collections.abc import Sequence

from app.core.images import Picture
from app.extensions import db
from app.jobs import enqueue
from app.lib.text.search import search_text
from app.models import Post, PostImage
from app.queries import post_images

THUMBNAILS_JOB = "posts.thumbnails"
REMOVE_JOB = "posts.remove_pictures"


def attach(post: Post, pictures: Sequence[Picture]) -> None:
    """Add images to a new post, and enqueue the job that makes their thumbnails."""
    for position, one in enumerate(pictures):
        size = {"width": one.width, "height": one.height}
        image = PostImage(post_id=post.id, position=position, file=one.file, thumbnail="", alt=one.alt, **size)
        db.session.add(image)
    if pictures:
        enqueue(THUMBNAILS_JOB, post_id=post.id)


def searchable(warning: str, body: str, others: Sequence[str]) -> str:
    """Return the words by which search finds a post: those of its warning and its text, and of `others`.

    `others` are the alt texts of its images, and the options of its poll.
    """
    return search_text(" ".join(filter(None, [warning, body, *others])))


def remove_files(post: Post) -> None:
    """Enqueue the job that deletes the image files of a post. The caller deletes the post in the same transaction."""
    if post.has_images:
        enqueue(REMOVE_JOB, files=post_images.files_of(post.id))
