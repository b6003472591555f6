"""Quoted posts, as the cards in the posts that quote them show them, and the list of the quotes of a post."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Select, bindparam

from app.core.database import built_once
from app.extensions import db
from app.models import Post, QuotedPost, User
from app.queries import reactions, timelines


def load(viewer: User, posts: Sequence[Post]) -> None:
    """Load the posts that `posts` quote, and set `quoted` of each post, for a page that the viewer sees.

    This takes one statement, or none if no post quotes another one. `quoted` is None if the quoted post was deleted, or
    if lists of posts leave it out for the viewer. So a page doesn't reveal a block, a mute or a level.
    """
    ids = {post.quote_of_id for post in posts if post.quote_of_id is not None}
    if not ids:
        return
    rows: Iterable[Any] = db.session.execute(_quoted(), {"viewer_id": viewer.id, "post_ids": sorted(ids)})
    found: dict[int | None, QuotedPost] = {row[0]: QuotedPost(*row) for row in rows}
    for post in posts:
        post.quoted = found.get(post.quote_of_id)


@built_once
def of_post() -> Select[Post]:
    """Select a page of the quotes of one post: those among the posts of `timelines.listed`.

    The bind parameters are `post_id` and those of `page_parameters`.
    """
    quotes = (Post.quote_of_id == timelines.POST_ID, Post.quote_of_id.is_not(None))
    return timelines.page_of(timelines.listed().where(*quotes))


@built_once
def post_with_count() -> Select[Post]:
    """Select the post that `timelines.by_id` selects, with the number of its quotes, which only its own page shows."""
    counted = timelines.computed(Post.quote_count, reactions.quote_count(timelines.VIEWER_ID))
    return timelines.by_id().options(counted)


@built_once
def _quoted() -> Select[Any]:
    # Columns and not the Post: an object of the session would keep the attributes that this query doesn't load.
    columns = (Post.body, Post.language, Post.warning, Post.visibility, Post.created_at, Post.reply_to_id)
    these = Post.id.in_(bindparam("post_ids", expanding=True))
    return timelines.listed_ids().add_columns(*columns, Post.has_images, User).where(these)
