"""Queries for the images of posts: those of the posts on a page, one that a viewer can see, and the files in use."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Integer, Select, bindparam, or_, select
from sqlalchemy.orm.attributes import set_committed_value

from app.core.database import built_once
from app.extensions import db
from app.models import Post, PostImage, User
from app.queries import visibility

BATCH_SIZE = 500  # names per query


def images_of(post: Post) -> Sequence[PostImage]:
    """Return the images of a post, in their order.

    The first call on a page also loads the images of all other posts of the session, such as those on the same page.
    So a page with images has one more statement, and a page without images has none.
    """
    if not post.has_images:
        return ()
    if "images" not in post.__dict__:
        waiting = [
            one
            for one in db.session().identity_map.values()
            if isinstance(one, Post) and one.__dict__.get("has_images") and "images" not in one.__dict__
        ]
        found: dict[int, list[PostImage]] = {one.id: [] for one in waiting}
        query = select(PostImage).where(PostImage.post_id.in_(found))
        for image in db.session.scalars(query.order_by(PostImage.post_id, PostImage.position)):
            found[image.post_id].append(image)
        for one in waiting:
            set_committed_value(one, "images", found[one.id])
    return post.images


def visible(viewer: User, image_id: int) -> PostImage | None:
    """Return the image with this id, or None if the viewer can't currently see its post."""
    return db.session.scalar(_visible(), {"viewer_id": viewer.id, "image_id": image_id})


@built_once
def _visible() -> Select[PostImage]:
    query = select(PostImage).join(Post, Post.id == PostImage.post_id).join(User, User.id == Post.author_id)
    this = PostImage.id == bindparam("image_id", type_=Integer)
    return query.where(this, visibility.post_is_visible(bindparam("viewer_id", type_=Integer)))


def files_of(post_id: int) -> list[str]:
    """Return the names of the files of a post's images and thumbnails."""
    rows = db.session.execute(select(PostImage.file, PostImage.thumbnail).where(PostImage.post_id == post_id))
    return [name for row in rows for name in row if name]


def files_in_use(files: Sequence[str]) -> set[str]:
    """Return the names of image files in use: all of those in `files`, and possibly others."""
    found: set[str] = set()
    for first in range(0, len(files), BATCH_SIZE):
        some = files[first : first + BATCH_SIZE]
        these = or_(PostImage.file.in_(some), PostImage.thumbnail.in_(some))
        for row in db.session.execute(select(PostImage.file, PostImage.thumbnail).where(these)):
            found.update(row)
    return found
