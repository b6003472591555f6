"""The home timeline and lists of people: posts by many authors, read from the newest posts of each author."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    CompoundSelect,
    Integer,
    ScalarSelect,
    Select,
    Subquery,
    and_,
    bindparam,
    exists,
    false,
    func,
    or_,
    select,
    true,
    union_all,
)

from app.core.database import built_once, shared_alias
from app.models import Follow, Post, PostRecipient, User, UserList, UserListMember, Visibility
from app.models.post import ONLY_MENTIONED
from app.queries import reposts, timelines, visibility
from app.queries.timelines import AFTER, BEFORE, LIST_ID, SIZE, VIEWER_ID, WITH_NEXT

# Created once, because creating an alias is slow.
_theirs, _follow = shared_alias(Post), shared_alias(Follow)


def home() -> Select[Any]:
    """Select the `size` + 1 newest entries of the viewer's home timeline at places below `before`, newest first.

    The timeline contains the posts of the viewer and of the users they follow, and the posts that the followed users
    reposted. Replies are left out, unless they are reposted. They are shown on the pages of the posts that they answer,
    and on the profiles of their authors. The bind parameters are those of `page_parameters`.

    Each post is selected once: at its newest place, if several users reposted it.

    The viewer can see all posts by these authors, except posts that are only for mentioned people. If the viewer is
    mentioned in such a post, it is found by looking up the posts that the viewer is a recipient of.

    The cost depends on the number of followed users, not on the number of their posts:

    1. The newest post and the newest repost of each author are looked up. The `size` + 1st highest of the places of
       these posts is called the floor; a post that several users reposted counts once. So there are at least `size` + 1
       posts at or above the floor, and posts below the floor are not needed.
    2. For each author, at most `size` + 1 posts and `size` + 1 reposts at or above the floor are read. This limits the
       cost of authors who post very often.

    A reposted post may be hidden from the viewer, because a block, a mute or a suspension hides its author. Checking
    this for all reposts would be slow. So hidden posts are selected, too, with a false `is_shown`, and the page leaves
    them out (app/web/paging.py). Such a page is shorter.
    """
    authors = _authors()
    found = _found([Source(authors, on_home)], _received(select(authors.c.id)), authors)
    return reposts.as_entries(timelines.loaded(), found, and_(*timelines.is_listed()))


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
    found = _found(sources, received)
    return timelines.visible().join(found, found.c.id == Post.id).order_by(Post.id.desc())


def _found(sources: Sequence[Source], received: Select[int], reposters: CTE | None = None) -> Subquery:
    """Return a subquery with a page of the posts from several sources, as columns (id, place).

    `sources` and `received` are explained at `_merged`. If there are `reposters`, the page contains their reposts
    (app/queries/reposts.py).
    """
    floor = _floor(sources, reposters)
    parts = [_of_source(source, floor) for source in sources]
    received = received.where(PostRecipient.post_id < BEFORE, PostRecipient.post_id >= floor)
    parts.append(received.order_by(PostRecipient.post_id.desc()).limit(WITH_NEXT))
    written = [select(part.c.id, part.c.id.label("place")) for part in (part.subquery() for part in parts)]
    if reposters is None:
        return reposts.newest_places(written, WITH_NEXT)
    return reposts.newest_places([*written, select(reposts.at_or_above(floor, reposters, BEFORE, SIZE))], WITH_NEXT)


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
    return _merged([Source(followed, on_home), Source(others, timelines.open_roots)], received)


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


def count_newer() -> Select[int, int]:
    """Select the number of posts on the viewer's home timeline at places above `after`, and the number of entries.

    A post that several users reposted has several entries. The number of entries stops at `most`. `viewer_id`, `after`
    and `most` are bind parameters.
    """
    authors = _authors()
    is_newer = (Post.author_id == authors.c.id) & (Post.id > AFTER)
    by_level = select(Post.id.label("id")).select_from(authors).join(Post, is_newer).where(*on_home(Post))
    received = _received(select(authors.c.id)).where(PostRecipient.post_id > AFTER)
    newer = union_all(by_level, received, reposts.newer(authors, AFTER, timelines.is_listed()))
    entries = newer.limit(bindparam("most", type_=Integer)).subquery()
    return select(func.count(entries.c.id.distinct()), func.count(entries.c.id))


def on_home(post: Any) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions that a post is not a reply, and is not only for mentioned people.

    They are the conditions of the partial index of the home timeline. `post` is Post or an alias of Post.
    """
    return post.reply_to_id.is_(None), post.visibility != ONLY_MENTIONED


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
    """Return the ids of the authors on the viewer's home timeline, and whether it contains their reposts.

    The viewer's own reposts are not on it: pressing a button must not move a post that the viewer is reading.
    """
    followed = (
        select(Follow.followed_id.label("id"), true().label("with_reposts"))
        .join(User, User.id == Follow.followed_id)
        .where(
            Follow.follower_id == VIEWER_ID,
            User.active,
            visibility.is_not_muted_or_blocked(VIEWER_ID, Follow.followed_id),
        )
    )
    return followed.union_all(select(VIEWER_ID, false())).cte("authors")


def _floor(sources: Sequence[Source], reposters: CTE | None) -> ScalarSelect[int]:
    """Return the floor that `home` explains, as a scalar subquery.

    Among the newest posts and the newest reposts of all authors, it is the `size` + 1st highest place; 0 if there are
    fewer.
    """
    heads = union_all(*(_heads(source) for source in sources)).cte("heads")
    if reposters is None:
        last = select(heads.c.id).order_by(heads.c.id.desc())
    else:
        reposted = reposts.heads(reposters, BEFORE)
        written = select(heads.c.id, heads.c.id.label("place"))
        both = union_all(written, select(reposted.c.id, reposted.c.place)).subquery()
        place = func.max(both.c.place)
        last = select(place).group_by(both.c.id).order_by(place.desc())
    lowest = last.limit(1).offset(SIZE).scalar_subquery()
    floor = select(func.coalesce(lowest, 0).label("id")).cte("floor")
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
