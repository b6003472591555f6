"""Queries of timelines. Posts are loaded together with their authors, so that a page needs one query.

Timelines are paginated by id, newest first (app/web/paging.py). Home and profiles also contain reposts, and are
paginated by place (app/queries/reposts.py). Which posts a timeline contains depends on the viewer. A block between two
users hides their posts from each other. The visibility level of a post may exclude the viewer. Lists leave out posts by
users whom the viewer mutes.

The queries are built once, because building them takes longer than running them. So the viewer is a bind parameter,
`viewer_id`. SQLAlchemy raises an error if a query is executed without it.
"""

from __future__ import annotations

from typing import Any, TypeVar

from sqlalchemy import (
    ColumnElement,
    Integer,
    ScalarSelect,
    Select,
    String,
    bindparam,
    exists,
    func,
    select,
    true,
)
from sqlalchemy.orm import contains_eager, selectinload, with_expression

from app.core.database import built_once, shared_alias
from app.extensions import db
from app.models import Follow, Post, PostPin, PostPoll, PostTag, User
from app.models.post import OPEN, RESTRICTED
from app.models.reaction import MAX_PINS
from app.queries import reactions, reposts, threads, visibility

LARGEST_ID = 2**31 - 1  # the largest value of an INTEGER column; PostgreSQL raises an error for larger parameters
RECENT = 20  # the number of latest posts that show in which languages a user writes
VIEWER_ID, BEFORE, AFTER, SIZE, WITH_NEXT, POST_ID, AUTHOR_ID, LIST_ID = (
    bindparam(name, type_=Integer)
    for name in ("viewer_id", "before", "after", "size", "with_next", "post_id", "author_id", "list_id")
)
TAG_KEY = bindparam("tag_key", type_=String)
Found = TypeVar("Found", bound=Select[*tuple[Any, ...]])
# Created once, because creating an alias is slow.
_theirs, _follow = shared_alias(Post), shared_alias(Follow)


@built_once
def visible() -> Select[Post]:
    """Select the posts that the viewer may see, with their authors. `quotes.load` adds the posts that they quote.

    All timelines are built from this query.
    """
    return loaded().where(visibility.post_is_visible(VIEWER_ID))


def loaded() -> Select[Post]:
    """Select posts with their authors, and with what the viewer sees of their reactions.

    These are the numbers of replies, likes and reposts, and whether the viewer likes each post, has reposted it, has
    bookmarked it or mutes its thread, and whether it is pinned.
    """
    return (
        select(Post)
        .join(Post.author)
        .options(
            contains_eager(Post.author),
            computed(Post.reply_count, reactions.reply_count(VIEWER_ID)),
            computed(Post.like_count, reactions.like_count(VIEWER_ID)),
            computed(Post.repost_count, reactions.repost_count(VIEWER_ID)),
            computed(Post.is_liked, reactions.is_liked(VIEWER_ID)),
            computed(Post.is_reposted, reactions.is_reposted(VIEWER_ID)),
            computed(Post.is_bookmarked, reactions.is_bookmarked(VIEWER_ID)),
            computed(Post.is_thread_muted, visibility.is_muting_thread(VIEWER_ID)),
            computed(Post.is_pinned, reactions.is_pinned()),
            # A second statement, only for a page with polls.
            selectinload(Post.poll).joinedload(PostPoll.options),
            computed(Post.own_choices, reactions.own_choices(VIEWER_ID)),
            computed(Post.replied_to, threads.replied_to(VIEWER_ID)),
        )
    )


def computed(attribute: Any, expression: ColumnElement[Any]) -> Any:
    """Return the option that loads a `query_expression` attribute of Post.

    After a rollback, SQLAlchemy reloads a post without the bind parameters of the query. So the reload leaves the
    attribute out. Its value is then None.
    """
    option = with_expression(attribute, expression)
    option.propagate_to_loaders = False
    return option


@built_once
def listed() -> Select[Post]:
    """Select the posts for lists: posts that the viewer may see, by authors whom the viewer doesn't mute."""
    return loaded().where(*is_listed())


def is_listed() -> tuple[ColumnElement[bool], ...]:
    """Return the conditions of the posts that `listed` selects."""
    return visibility.post_is_visible(VIEWER_ID), ~visibility.is_muting(VIEWER_ID, Post.author_id)


@built_once
def listed_ids() -> Select[int]:
    """Select the ids of the posts that `listed` selects."""
    return select(Post.id).join(Post.author).where(*is_listed())


@built_once
def explore() -> Select[Post]:
    """Select a page of the Explore page: posts of `listed` that all members may see, except replies.

    The bind parameters are those of `page_parameters`.
    """
    return page_of(listed().where(*open_roots(Post)))


@built_once
def of_author() -> Select[Any]:
    """Select a page of the posts, replies and reposts by one author that the viewer may see, as entries.

    Reposts of posts by people whom the viewer mutes are left out. A post that its author reposted is at its newest
    place only. The bind parameters are `author_id` and those of `page_parameters`.
    """
    is_theirs = (visibility.post_is_visible(VIEWER_ID), Post.author_id == AUTHOR_ID)
    columns: Any = (Post.id.label("id"), Post.id.label("place"))
    written = page_of(select(*columns).join(Post.author).where(*is_theirs))
    reposted = reposts.by(AUTHOR_ID).where(*is_listed(), ~visibility.blocked_between(VIEWER_ID, AUTHOR_ID))
    reposted = reposted.where(reposts.place() < BEFORE).order_by(reposts.place().desc()).limit(WITH_NEXT)
    found = reposts.newest_places([select(stream.subquery()) for stream in (written, reposted)], WITH_NEXT)
    return reposts.as_entries(visible(), found, true())


@built_once
def of_tag() -> Select[Post]:
    """Select a page of the posts and replies of `listed` that have a stored tag. `PostTag` says which posts these are.

    The bind parameters are `tag_key` and those of `page_parameters`.
    """
    found = listed().join(PostTag, PostTag.post_id == Post.id).where(PostTag.key == TAG_KEY)
    # By the id of the tag's row and not of the post, so that the page is read from the index of the tag.
    return found.where(PostTag.post_id < BEFORE).order_by(PostTag.post_id.desc()).limit(WITH_NEXT)


@built_once
def pinned() -> Select[Post]:
    """Select the posts that one author has pinned and that the viewer may see, the latest pin first.

    The bind parameters are `viewer_id` and `author_id`.
    """
    found = visible().join(PostPin, PostPin.post_id == Post.id).where(PostPin.user_id == AUTHOR_ID)
    return found.order_by(PostPin.id.desc()).limit(MAX_PINS)


def has_pins(author_id: Any) -> ColumnElement[bool]:
    """Return the condition that an author has pinned a post. The viewer may not be able to see it."""
    return exists().where(PostPin.user_id == author_id).correlate_except(PostPin)


def open_roots(post: Any) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions that a post is not a reply, and that all members may see it.

    They are the conditions of partial indexes. `post` is Post or an alias of Post.
    """
    return post.reply_to_id.is_(None), post.visibility.in_(OPEN)


def page_of(posts: Found) -> Found:
    """Restrict the query `posts` to the `size` + 1 newest posts with ids below `before`, newest first."""
    return posts.where(Post.id < BEFORE).order_by(Post.id.desc()).limit(WITH_NEXT)


def hidden_count(viewer_id: Any, author_id: Any) -> ScalarSelect[int]:
    """Return a scalar subquery: the number of an author's posts whose visibility levels exclude the viewer.

    The cost depends on the number of the author's posts that aren't visible to all members.
    """
    theirs = (_theirs.author_id == author_id, _theirs.visibility.in_(RESTRICTED))
    hidden = select(func.count()).select_from(_theirs).where(*theirs, ~visibility.level_includes(viewer_id, _theirs))
    return hidden.correlate_except(_theirs).scalar_subquery()


@built_once
def by_id() -> Select[Post]:
    """Select the post with the id `post_id`, a bind parameter, if it is visible to the viewer."""
    return visible().where(Post.id == POST_ID)


def one(viewer: User, post_id: int) -> Post | None:
    """Return the post with this id, or None if it doesn't exist or the viewer can't see it."""
    return db.session.scalar(by_id(), {"viewer_id": viewer.id, "post_id": post_id})


def page_parameters(viewer: User, *, before: int | None, size: int) -> dict[str, int]:
    """Return the values of the bind parameters of a timeline, for a page of `size` posts with ids below `before`.

    If `before` is None, the page begins with the newest post.
    """
    before = LARGEST_ID if before is None else before
    return {"viewer_id": viewer.id, "before": before, "size": size, "with_next": size + 1}


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
