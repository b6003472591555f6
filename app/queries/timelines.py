"""Timelines: which posts, in which order. Authors come with the posts, so a page is one query.

Every timeline is ordered by id, newest first, and starts before a given id (app/web/paging.py). Each has a reader: two
whom a block keeps apart do not see each other's posts, and lists leave out whom the reader has muted.
"""

from __future__ import annotations

from sqlalchemy import CTE, ColumnElement, ScalarSelect, Select, func, literal, select
from sqlalchemy.orm import aliased, contains_eager

from app.models import Follow, Post, User
from app.queries import visibility

LARGEST_ID = 2**31 - 1  # ids are INTEGER: PostgreSQL refuses to compare them with more
RECENT = 20  # a person's posts that say which languages they write in
_theirs = aliased(Post)  # made once, as in visibility.py


def visible(viewer: User) -> Select[Post]:
    """Posts that may be shown to `viewer`, with their authors. Every list of posts, search included, starts here."""
    return select(Post).join(Post.author).where(visibility.is_visible(viewer.id)).options(contains_eager(Post.author))


def listed(viewer: User) -> Select[Post]:
    """Those among everybody's posts that `viewer` comes across without asking for their author."""
    return visible(viewer).where(~visibility.is_muting(viewer.id, Post.author_id))


def listed_ids(viewer: User) -> Select[int]:
    """Return the ids of the `listed` posts."""
    return (
        select(Post.id)
        .join(Post.author)
        .where(visibility.is_visible(viewer.id), ~visibility.is_muting(viewer.id, Post.author_id))
    )


def of(viewer: User, author: User) -> Select[Post]:
    """One person's posts."""
    return visible(viewer).where(Post.author_id == author.id)


def one(viewer: User, post_id: int) -> Select[Post]:
    """The post of that id, if it may be shown."""
    return visible(viewer).where(Post.id == post_id)


def home(user: User, *, before: int | None, size: int) -> Select[Post]:
    """The posts of `user` and those they follow: the newest `size` + 1 before id `before`, in order.

    The cost depends on how many people one follows, and not on how much they have posted. Of each author only the
    newest post is looked up first. The last of the `size` + 1 newest of these is a floor: that many posts at least lie
    at or above it, so nothing below it belongs on the page. Above the floor an author gives at most `size` + 1
    posts, so that one who posts all day costs no more than a page.
    """
    authors = _authors(user)
    before = LARGEST_ID if before is None else before
    floor = _floor(authors, before, size)
    floor_of_author = func.coalesce(_last_on_page(authors.c.id, floor, before, size), floor)
    found = (
        select(Post.id)
        .select_from(authors)
        .join(Post, (Post.author_id == authors.c.id) & (Post.id >= floor_of_author))
        .where(Post.id < before)
        # "+ 0" keeps the planner from walking all posts by id in search of the few whose author fits.
        .order_by((Post.id + 0).desc())
        .limit(size + 1)
        .subquery("found")
    )
    return visible(user).join(found, found.c.id == Post.id).order_by(Post.id.desc())


def count_newer(user: User, after: int, most: int) -> Select[int]:
    """How many posts of the `home` timeline came after id `after`, counted up to `most`."""
    authors = _authors(user)
    newer = select(Post.id).select_from(authors).join(Post, (Post.author_id == authors.c.id) & (Post.id > after))
    return select(func.count()).select_from(newer.limit(most).subquery())


def _authors(user: User) -> CTE:
    followed = (
        select(Follow.followed_id.label("id"))
        .join(User, User.id == Follow.followed_id)
        .where(
            Follow.follower_id == user.id, User.active, visibility.is_not_muted_or_blocked(user.id, Follow.followed_id)
        )
    )
    return followed.union_all(select(literal(user.id))).cte("authors")


def _floor(authors: CTE, before: int, size: int) -> ScalarSelect[int]:
    """The `size` + 1st newest of the authors' newest posts; 0 when fewer of them have posted."""
    newest = (
        select(func.max(_theirs.id)).where(_theirs.author_id == authors.c.id, _theirs.id < before).scalar_subquery()
    )
    heads = select(func.coalesce(newest, 0).label("id")).select_from(authors).cte("heads")
    last = select(heads.c.id).order_by(heads.c.id.desc()).limit(1).offset(size).scalar_subquery()
    floor = select(func.coalesce(last, 0).label("id")).cte("floor")
    return select(floor.c.id).scalar_subquery()


def _last_on_page(author: ColumnElement[int], floor: ScalarSelect[int], before: int, size: int) -> ScalarSelect[int]:
    """The `size` + 1st newest post of one author above the floor: older ones cannot be on this page."""
    return (
        select(_theirs.id)
        .where(_theirs.author_id == author, _theirs.id < before, _theirs.id >= floor)
        .order_by(_theirs.id.desc())
        .limit(1)
        .offset(size)
        .scalar_subquery()
    )


def recent_languages(user: User) -> ScalarSelect[str]:
    """The languages of a person's latest posts as one text, "es,en,es": a column for another query."""
    latest = (
        select(Post.language.label("language"))
        .where(Post.author_id == user.id)
        .order_by(Post.id.desc())
        .limit(RECENT)
        .subquery("latest")
    )
    return select(func.aggregate_strings(latest.c.language, ",")).scalar_subquery()
