"""Queries of timelines. Posts are loaded together with their authors, so that a page needs one query.

Timelines are paginated by id, newest first (app/web/paging.py). Which posts they contain depends on the viewer. A block
between two users hides their posts from each other. The visibility level of a post may exclude the viewer. Lists leave
out posts by users whom the viewer mutes.

The queries are built once, because building them takes longer than running them. So the viewer is a bind parameter,
`viewer_id`. SQLAlchemy raises an error if a query is executed without it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import (
    CTE,
    ColumnElement,
    CompoundSelect,
    Integer,
    ScalarSelect,
    Select,
    String,
    and_,
    bindparam,
    exists,
    func,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import contains_eager, selectinload, with_expression

from app.core.database import built_once, shared_alias
from app.extensions import db
from app.models import (
    Follow,
    Post,
    PostPin,
    PostPoll,
    PostRecipient,
    PostTag,
    User,
    UserList,
    UserListMember,
    Visibility,
)
from app.models.post import ONLY_MENTIONED, OPEN, RESTRICTED
from app.models.reaction import MAX_PINS
from app.queries import reactions, threads, visibility

LARGEST_ID = 2**31 - 1  # the largest value of an INTEGER column; PostgreSQL raises an error for larger parameters
RECENT = 20  # the number of latest posts that show in which languages a user writes
VIEWER_ID, BEFORE, SIZE, WITH_NEXT, POST_ID, AUTHOR_ID, LIST_ID = (
    bindparam(name, type_=Integer)
    for name in ("viewer_id", "before", "size", "with_next", "post_id", "author_id", "list_id")
)
TAG_KEY = bindparam("tag_key", type_=String)
Found = TypeVar("Found", bound=Select[*tuple[Any, ...]])
# Created once, because creating an alias is slow.
_theirs, _follow = shared_alias(Post), shared_alias(Follow)


@built_once
def visible() -> Select[Post]:
    """Select the posts that the viewer may see, with their authors.

    Also select the numbers of replies and likes, as the viewer sees them, and whether the viewer likes each post, has
    bookmarked it or mutes its thread. All timelines are built from this query.
    """
    found = select(Post).join(Post.author).where(visibility.post_is_visible(VIEWER_ID))
    return found.options(
        contains_eager(Post.author),
        _computed(Post.reply_count, reactions.reply_count(VIEWER_ID)),
        _computed(Post.like_count, reactions.like_count(VIEWER_ID)),
        _computed(Post.is_liked, reactions.is_liked(VIEWER_ID)),
        _computed(Post.is_bookmarked, reactions.is_bookmarked(VIEWER_ID)),
        _computed(Post.is_thread_muted, visibility.is_muting_thread(VIEWER_ID)),
        _computed(Post.is_pinned, reactions.is_pinned()),
        # A second statement, only for a page with polls.
        selectinload(Post.poll).joinedload(PostPoll.options),
        _computed(Post.own_choices, reactions.own_choices(VIEWER_ID)),
        _computed(Post.replied_to, threads.replied_to(VIEWER_ID)),
    )


def _computed(attribute: Any, expression: ColumnElement[Any]) -> Any:
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
    return visible().where(~visibility.is_muting(VIEWER_ID, Post.author_id))


@built_once
def listed_ids() -> Select[int]:
    """Select the ids of the posts that `listed` selects."""
    found = select(Post.id).join(Post.author).where(visibility.post_is_visible(VIEWER_ID))
    return found.where(~visibility.is_muting(VIEWER_ID, Post.author_id))


@built_once
def explore() -> Select[Post]:
    """Select a page of the Explore page: posts of `listed` that all members may see, except replies.

    The bind parameters are those of `page_parameters`.
    """
    return page_of(listed().where(*open_roots(Post)))


@built_once
def of_author() -> Select[Post]:
    """Select a page of the posts and replies by one author that the viewer may see.

    The bind parameters are `author_id` and those of `page_parameters`.
    """
    return page_of(visible().where(Post.author_id == AUTHOR_ID))


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


def home() -> Select[Post]:
    """Select the `size` + 1 newest posts on the viewer's home timeline with ids below `before`, newest first.

    The timeline contains the posts of the viewer and of the users they follow. Replies are left out. They are shown on
    the pages of the posts that they answer, and on the profiles of their authors. The bind parameters are those of
    `page_parameters`.

    The viewer can see all posts by these authors, except posts that are only for mentioned people. If the viewer is
    mentioned in such a post, it is found by looking up the posts that the viewer is a recipient of.

    The cost depends on the number of followed users, not on the number of their posts:

    1. The newest post of each author is looked up. The `size` + 1st highest of the ids of these posts is called the
       floor. So there are at least `size` + 1 posts at or above the floor, and posts below the floor are not needed.
    2. For each author, at most `size` + 1 posts at or above the floor are read. This limits the cost of authors who
       post very often.
    """
    authors = _authors()
    return _merged([Source(authors, on_home)], _received(select(authors.c.id)))


@dataclass(frozen=True)
class Source:
    """Authors, and which of their posts a timeline reads.

    `authors` has a column `id`. `conditions(post)` returns the conditions of a partial index of posts by author and id.
    `post` is Post or an alias of Post.
    """

    authors: CTE
    conditions: Callable[[Any], tuple[ColumnElement[bool], ...]]


def _merged(sources: Sequence[Source], received: Select[int]) -> Select[Post]:
    """Select a page of the posts from several sources, at the cost that `home` explains.

    `received` selects the ids of further posts, which the viewer is a recipient of. An author may be in one source
    only, and the viewer must be able to see all posts from the sources.
    """
    floor = _floor(sources)
    parts = [_of_source(source, floor) for source in sources]
    received = received.where(PostRecipient.post_id < BEFORE, PostRecipient.post_id >= floor)
    parts.append(received.order_by(PostRecipient.post_id.desc()).limit(WITH_NEXT))
    all_parts = union_all(*(select(part.subquery().c.id) for part in parts)).subquery()
    found = select(all_parts.c.id).order_by(all_parts.c.id.desc()).limit(WITH_NEXT).subquery("found")
    return visible().join(found, found.c.id == Post.id).order_by(Post.id.desc())


def _of_source(source: Source, floor: ScalarSelect[int]) -> Select[int]:
    """Select the ids of the `size` + 1 newest posts from a source that are below `before`, and not below the floor."""
    floor_of_author = func.coalesce(_last_on_page(source, floor), floor)
    return (
        select(Post.id)
        .select_from(source.authors)
        .join(Post, (Post.author_id == source.authors.c.id) & (Post.id >= floor_of_author))
        .where(Post.id < BEFORE, *source.conditions(Post))
        # "+ 0" prevents the planner from scanning all posts by id to find the few posts by these authors.
        .order_by((Post.id + 0).desc())
        .limit(WITH_NEXT)
    )


@built_once
def of_list() -> Select[Post]:
    """Select a page of the posts by the people on a list of the viewer, with the technique of `home`.

    Replies are left out, and so are muted people. Of people whom the viewer doesn't follow, posts for followers are
    left out, unless the viewer is a recipient. The bind parameters are `list_id` and those of `page_parameters`. If the
    list belongs to another member, no posts are found.
    """
    follows_them = exists().where(_follow.follower_id == VIEWER_ID, _follow.followed_id == UserListMember.user_id)
    sees_posts_for_followers = or_(UserListMember.user_id == VIEWER_ID, follows_them)
    followed = _on_list(sees_posts_for_followers).cte("followed")
    others = _on_list(~sees_posts_for_followers).cte("others")
    of_others = and_(Post.visibility == Visibility.FOLLOWERS, Post.author_id.in_(select(others.c.id)))
    authors = union_all(select(followed.c.id), select(others.c.id))
    received = _received(authors, or_(Post.visibility == ONLY_MENTIONED, of_others))
    return _merged([Source(followed, on_home), Source(others, open_roots)], received)


def _on_list(condition: ColumnElement[bool]) -> Select[int]:
    """Select the ids of the authors on the list whom `condition` includes."""
    on_list = (
        select(UserListMember.user_id.label("id"))
        .join(UserList, UserList.id == UserListMember.list_id)
        .join(User, User.id == UserListMember.user_id)
    )
    return on_list.where(
        UserList.id == LIST_ID,
        UserList.user_id == VIEWER_ID,
        User.active,
        visibility.is_not_muted_or_blocked(VIEWER_ID, UserListMember.user_id),
        condition,
    )


def count_newer() -> Select[int]:
    """Select the number of posts on the viewer's home timeline with ids above `after`. The count stops at `most`.

    `viewer_id`, `after` and `most` are bind parameters.
    """
    authors = _authors()
    is_newer = (Post.author_id == authors.c.id) & (Post.id > bindparam("after", type_=Integer))
    by_level = select(Post.id).select_from(authors).join(Post, is_newer).where(*on_home(Post))
    received = _received(select(authors.c.id)).where(PostRecipient.post_id > bindparam("after", type_=Integer))
    newer = union_all(by_level, received).limit(bindparam("most", type_=Integer))
    return select(func.count()).select_from(newer.subquery())


def on_home(post: Any) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions that a post is not a reply, and is not only for mentioned people.

    They are the conditions of the partial index of the home timeline. `post` is Post or an alias of Post.
    """
    return post.reply_to_id.is_(None), post.visibility != ONLY_MENTIONED


def open_roots(post: Any) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions that a post is not a reply, and that all members may see it.

    They are the conditions of partial indexes. `post` is Post or an alias of Post.
    """
    return post.reply_to_id.is_(None), post.visibility.in_(OPEN)


def _received(
    author_ids: Select[int] | CompoundSelect[int], condition: ColumnElement[bool] = Post.visibility == ONLY_MENTIONED
) -> Select[int]:
    """Select the ids of posts by these authors that the viewer is a recipient of.

    The posts meet `condition`, by default that they are only for mentioned people. Posts by the viewer are included.
    Replies are left out.
    """
    is_root = (Post.reply_to_id.is_(None), condition)
    return (
        select(PostRecipient.post_id.label("id"))
        .join(Post, Post.id == PostRecipient.post_id)
        .where(PostRecipient.user_id == VIEWER_ID, *is_root, Post.author_id.in_(author_ids))
    )


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


def _floor(sources: Sequence[Source]) -> ScalarSelect[int]:
    """Return the floor that `home` explains, as a scalar subquery.

    Among the newest posts of the authors, one for each author, it is the `size` + 1st highest id; 0 if there are fewer.
    """
    heads = union_all(*(_heads(source) for source in sources)).cte("heads")
    last = select(heads.c.id).order_by(heads.c.id.desc()).limit(1).offset(SIZE).scalar_subquery()
    floor = select(func.coalesce(last, 0).label("id")).cte("floor")
    return select(floor.c.id).scalar_subquery()


def _heads(source: Source) -> Select[int]:
    """Select the id of the newest post below `before` of each author of a source; 0 if there is none."""
    author = source.authors.c.id
    newest = select(func.max(_theirs.id)).where(
        _theirs.author_id == author, _theirs.id < BEFORE, *source.conditions(_theirs)
    )
    return select(func.coalesce(newest.scalar_subquery(), 0).label("id")).select_from(source.authors)


def _last_on_page(source: Source, floor: ScalarSelect[int]) -> ScalarSelect[int]:
    """Return a scalar subquery: the id of an author's `size` + 1st newest post at or above the floor of `home`.

    The value is NULL if there are fewer posts.
    """
    return (
        select(_theirs.id)
        .where(
            _theirs.author_id == source.authors.c.id,
            _theirs.id < BEFORE,
            _theirs.id >= floor,
            *source.conditions(_theirs),
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
