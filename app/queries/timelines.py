"""Queries of timelines. Posts are loaded together with their authors, so that a page needs one query.

Timelines are paginated by id, newest first (app/web/paging.py). They depend on the viewer: a block between two users
hides their posts from each other, and lists leave out posts by users whom the viewer mutes.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import CTE, ColumnElement, Integer, ScalarSelect, Select, bindparam, func, select
from sqlalchemy.orm import contains_eager, with_expression

from app.core.database import shared_alias
from app.models import Follow, Post, User
from app.queries import reactions, threads, visibility

LARGEST_ID = 2**31 - 1  # the largest value of an INTEGER column; PostgreSQL raises an error for larger parameters
RECENT = 20  # the number of latest posts that show in which languages a user writes
VIEWER_ID, BEFORE, SIZE = (bindparam(name, type_=Integer) for name in ("viewer_id", "before", "size"))
_theirs = shared_alias(Post)  # created once, because creating an alias is slow


def visible(viewer: User) -> Select[Post]:
    """Select the posts that the viewer may see, with their authors and what the viewer sees of their reactions.

    Timelines are built from this query.
    """
    return _visible(viewer.id)


def _visible(viewer_id: Any) -> Select[Post]:
    found = select(Post).join(Post.author).where(visibility.is_visible(viewer_id))
    return found.options(
        contains_eager(Post.author),
        with_expression(Post.reply_count, reactions.reply_count(viewer_id)),
        with_expression(Post.like_count, reactions.like_count(viewer_id)),
        with_expression(Post.is_liked, reactions.is_liked(viewer_id)),
        with_expression(Post.is_bookmarked, reactions.is_bookmarked(viewer_id)),
        with_expression(Post.replied_to, threads.replied_to(viewer_id)),
    )


def listed(viewer: User) -> Select[Post]:
    """Select the posts for public lists: visible posts by authors whom the viewer doesn't mute."""
    return visible(viewer).where(~visibility.is_muting(viewer.id, Post.author_id))


def listed_ids(viewer: User) -> Select[int]:
    """Select the ids of the posts of `listed`."""
    return (
        select(Post.id)
        .join(Post.author)
        .where(visibility.is_visible(viewer.id), ~visibility.is_muting(viewer.id, Post.author_id))
    )


def explore(viewer: User) -> Select[Post]:
    """Select the posts of the Explore page: those of `listed` that aren't replies."""
    return listed(viewer).where(Post.reply_to_id.is_(None))


def of(viewer: User, author: User) -> Select[Post]:
    """Select the visible posts by one author."""
    return visible(viewer).where(Post.author_id == author.id)


def one(viewer: User, post_id: int) -> Select[Post]:
    """Select the post with this id, if it is visible to the viewer."""
    return visible(viewer).where(Post.id == post_id)


def home_parameters(viewer: User, *, before: int | None, size: int) -> dict[str, int]:
    """Return the parameters of `home`: its viewer, the id below which it begins, and the number of posts on a page."""
    before = LARGEST_ID if before is None else before
    return {"viewer_id": viewer.id, "before": before, "size": size, "with_next": size + 1}


def home() -> Select[Post]:
    """Select the newest `size` + 1 posts by the user and the users they follow, newest first, with ids below `before`.

    The statement has the parameters `home_parameters`, so that it is built only once. Replies are left out: they are on
    the pages of their posts and on the profiles of their authors.

    The cost depends on the number of followed users, not on the number of their posts:

    1. Only the newest post of each author is looked up. Of these, the id of the `size` + 1st newest is the floor. So
       there are at least `size` + 1 posts at or above the floor, and posts below it are not needed.
    2. For each author, at most `size` + 1 posts at or above the floor are read. This limits the cost of authors who
       post very often.
    """
    authors = _authors()
    floor = _floor(authors)
    floor_of_author = func.coalesce(_last_on_page(authors.c.id, floor), floor)
    found = (
        select(Post.id)
        .select_from(authors)
        .join(Post, (Post.author_id == authors.c.id) & (Post.id >= floor_of_author))
        .where(Post.id < BEFORE, Post.reply_to_id.is_(None))
        # "+ 0" prevents the planner from scanning all posts by id to find the few posts by these authors.
        .order_by((Post.id + 0).desc())
        .limit(bindparam("with_next", type_=Integer))
        .subquery("found")
    )
    return _visible(VIEWER_ID).join(found, found.c.id == Post.id).order_by(Post.id.desc())


def count_newer() -> Select[int]:
    """Select the number of posts on the `home` timeline of `viewer_id` with ids above `after`, but at most `most`."""
    authors = _authors()
    is_newer = (Post.author_id == authors.c.id) & (Post.id > bindparam("after", type_=Integer))
    newer = select(Post.id).select_from(authors).join(Post, is_newer).where(Post.reply_to_id.is_(None))
    return select(func.count()).select_from(newer.limit(bindparam("most", type_=Integer)).subquery())


def _authors() -> CTE:
    followed = (
        select(Follow.followed_id.label("id"))
        .join(User, User.id == Follow.followed_id)
        .where(
            Follow.follower_id == VIEWER_ID,
            User.active,
            visibility.is_not_muted_or_blocked(VIEWER_ID, Follow.followed_id),
        )
    )
    return followed.union_all(select(VIEWER_ID)).cte("authors")


def _floor(authors: CTE) -> ScalarSelect[int]:
    """Return the floor of `home`: the id of the `size` + 1st of the authors' newest posts; 0 if there are fewer."""
    newest = (
        select(func.max(_theirs.id))
        .where(_theirs.author_id == authors.c.id, _theirs.id < BEFORE, _theirs.reply_to_id.is_(None))
        .scalar_subquery()
    )
    heads = select(func.coalesce(newest, 0).label("id")).select_from(authors).cte("heads")
    last = select(heads.c.id).order_by(heads.c.id.desc()).limit(1).offset(SIZE).scalar_subquery()
    floor = select(func.coalesce(last, 0).label("id")).cte("floor")
    return select(floor.c.id).scalar_subquery()


def _last_on_page(author: ColumnElement[int], floor: ScalarSelect[int]) -> ScalarSelect[int]:
    """Return the id of an author's `size` + 1st newest post at or above the floor; NULL if there are fewer."""
    return (
        select(_theirs.id)
        .where(
            _theirs.author_id == author,
            _theirs.id < BEFORE,
            _theirs.id >= floor,
            _theirs.reply_to_id.is_(None),
        )
        .order_by(_theirs.id.desc())
        .limit(1)
        .offset(SIZE)
        .scalar_subquery()
    )


def recent_languages(user_id: Any) -> ScalarSelect[str]:
    """Return a scalar subquery of the languages of the user's latest posts, separated by commas, such as "es,,en".

    An item is empty if the post has no language.
    """
    latest = (
        select(Post.language.label("language"))
        .where(Post.author_id == user_id)
        .order_by(Post.id.desc())
        .limit(RECENT)
        .subquery("latest")
    )
    return select(func.aggregate_strings(latest.c.language, ",")).scalar_subquery()
