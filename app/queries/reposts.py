"""Reposts in timelines: a timeline consists of entries, and an entry is a post, or a repost of a post.

An entry has a place, by which timelines are ordered and paged. The place of a post that someone wrote is its id. The
place of a repost is the id of the repost. Both ids come from the same sequence, so they are never equal, and a later
entry has a higher place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import CTE, ColumnElement, FromClause, ScalarSelect, Select, Subquery, func, select, union_all

from app.core.database import shared_alias
from app.models import Post, PostRepost, User

# Created once, because creating an alias is slow.
_theirs, _newest, _shown, _reposter = (
    shared_alias(PostRepost),
    shared_alias(PostRepost),
    shared_alias(PostRepost),
    shared_alias(User),
)


class Reposter(NamedTuple):
    """The person who reposted a post."""

    username: str
    display_name: str


class Entry(NamedTuple):
    """A post in a timeline, and its place. `reposter` is None if the entry is not a repost."""

    post: Post
    place: int
    reposter: Reposter | None = None
    is_shown: bool = True  # False if the viewer can't see the post, or mutes its author


def heads(authors: CTE, before: Any) -> FromClause:
    """Return a subquery with the newest repost of each of the `authors`, as columns (id, place).

    `id` is the id of the reposted post. Only reposts with places below `before` count, and only those of authors whose
    column `with_reposts` is true.
    """
    newest = select(func.max(_newest.id)).where(_newest.user_id == authors.c.id, _newest.id < before)
    places = select(newest.scalar_subquery().label("place")).where(authors.c.with_reposts).cte("repost_heads")
    found = select(_theirs.post_id.label("id"), _theirs.id.label("place"))
    return found.join(places, _theirs.id == places.c.place).subquery("reposted")


def at_or_above(floor: ScalarSelect[int], authors: CTE, before: Any, size: Any) -> FromClause:
    """Return a subquery with the reposts by the `authors` from the floor up to `before`, as columns (id, place).

    At most `size` + 1 reposts of each author are included. app/queries/home.py explains the floor.
    """
    last = (
        select(_newest.id)
        .where(_newest.user_id == authors.c.id, _newest.id < before, _newest.id >= floor)
        .order_by(_newest.id.desc())
        .limit(1)
        .offset(size)
        .scalar_subquery()
    )
    theirs = (_theirs.user_id == authors.c.id) & (_theirs.id >= func.coalesce(last, floor))
    found = select(_theirs.post_id.label("id"), _theirs.id.label("place")).select_from(authors).join(_theirs, theirs)
    return found.where(authors.c.with_reposts, _theirs.id < before).subquery("reposts")


def newer(authors: CTE, after: Any, is_listed: Sequence[ColumnElement[bool]]) -> Select[int]:
    """Select the ids of the posts that the `authors` reposted at places above `after`, if they meet `is_listed`."""
    theirs = (_theirs.user_id == authors.c.id) & (_theirs.id > after)
    found = select(_theirs.post_id.label("id")).select_from(authors).join(_theirs, theirs)
    return found.join(Post, Post.id == _theirs.post_id).join(Post.author).where(authors.c.with_reposts, *is_listed)


def by(author_id: Any) -> Select[int, int]:
    """Select the reposts by a user as (id of the post, place), joined with `Post` and with its author, `User`."""
    found = select(Post.id.label("id"), _theirs.id.label("place")).select_from(_theirs)
    return found.join(Post, Post.id == _theirs.post_id).join(Post.author).where(_theirs.user_id == author_id)


def place() -> Any:
    """Return the column with the place of a repost that `by` selects."""
    column: Any = _theirs.id
    return column


def newest_places(streams: Sequence[Select[Any]], limit: Any) -> Subquery:
    """Return a subquery with the posts at the highest places of all streams, up to `limit`.

    The streams and the subquery have the columns (id, place). A post that is at several places is only at its highest
    one.
    """
    both = union_all(*streams).subquery()
    highest = func.max(both.c.place)
    found = select(both.c.id, highest.label("place")).group_by(both.c.id)
    return found.order_by(highest.desc()).limit(limit).subquery("found")


def as_entries(posts: Select[Any], found: FromClause, is_shown: ColumnElement[bool]) -> Select[Any]:
    """Join the query `posts` with `found`, which has the columns (id, place), in the order of the places.

    The columns of the result are the fields of `entry`.
    """
    name = func.coalesce(func.nullif(_reposter.name, ""), _reposter.username)
    joined = posts.join(found, found.c.id == Post.id).outerjoin(_shown, _shown.id == found.c.place)
    joined = joined.outerjoin(_reposter, _reposter.id == _shown.user_id)
    return joined.add_columns(found.c.place, _reposter.username, name, is_shown).order_by(found.c.place.desc())


def entry(row: Sequence[Any]) -> Entry:
    """Return the entry in a row of `as_entries`. Further columns are ignored."""
    post, where, username, name, is_shown = row[:5]
    return Entry(post, where, Reposter(username, name) if username else None, bool(is_shown))
