"""Full-text search of posts, users and messages in the database: FTS5 on SQLite, a GIN index on PostgreSQL.

Both give the same results, because app/lib/text/search.py splits text into words. The indexes are created in
migrations/search.py. A query consists of words only: it has no operators.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, cast, column, func, literal, select, table, union_all
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.orm import aliased

from app.extensions import db
from app.lib.text.search import Term, fts5_match, tsquery
from app.models import Message, Post, User
from app.queries import timelines, visibility

WINDOWS = (1_000, 50_000)  # how many of the newest ids PostgreSQL searches before all older ones
_any = aliased(Post)  # made once, as in visibility.py

Found = TypeVar("Found", bound=Select[*tuple[Any, ...]])


def posts(viewer: User, terms: Sequence[Term], *, before: int | None = None, size: int = 25) -> Select[Post]:
    """Return a query for up to `size` + 1 posts that have all the terms, newest first, with ids below `before`.

    `terms` come from `query_terms` and are not empty.
    """
    if db.engine.dialect.name == "postgresql":
        return _newest_first(viewer, terms, before, size)
    found, key = matching(timelines.listed(viewer), Post, terms)
    found = found if before is None else found.where(key < before)
    return found.order_by(key.desc()).limit(size + 1)


def _newest_first(viewer: User, terms: Sequence[Term], before: int | None, size: int) -> Select[Post]:
    """Return the query of `posts` for PostgreSQL, whose index returns matches in no order.

    For a common word, sorting all matches would cost time proportional to all posts. Therefore the newest posts are
    read first, then a larger window, then the rest: PostgreSQL runs the parts of a UNION ALL in order, and stops at the
    limit.
    """
    newest = select(func.coalesce(func.max(_any.id), 0) + 1).scalar_subquery() if before is None else literal(before)
    upper: ColumnElement[int] = newest
    parts = []
    for width in (*WINDOWS, None):
        found, key = matching(timelines.listed_ids(viewer), Post, terms)
        found = found.where(Post.id < upper)
        if width is not None:
            upper = newest - width
            found = found.where(Post.id >= upper)
        # Scan the few newest posts by id. For the larger parts, let the full-text index find the matches.
        order = Post.id if width == WINDOWS[0] else key
        parts.append(select(found.order_by(order.desc()).limit(size + 1).subquery().c.id))
    page = select(union_all(*parts).subquery().c.id).limit(size + 1).subquery()
    return timelines.visible(viewer).join(page, page.c.id == Post.id).order_by(Post.id.desc())


def people(viewer: User, terms: Sequence[Term]) -> tuple[Select[User], ColumnElement[int]]:
    """Select the users whose name or username has all the terms. Return the select and its paging key."""
    return matching(select(User).where(visibility.is_visible(viewer.id)), User, terms)


def matching(
    found: Found, noun: type[Post] | type[User] | type[Message], terms: Sequence[Term]
) -> tuple[Found, ColumnElement[int]]:
    """Narrow `found` to rows whose search text has the terms. Return it and its paging key."""
    if db.engine.dialect.name == "postgresql":
        words = func.array_to_tsvector(func.string_to_array(noun.search_text, " "))
        return found.where(words.bool_op("@@")(cast(tsquery(terms), TSQUERY))), noun.id + 0
    name = f"{noun.__tablename__}_search"
    index = table(name, column("rowid"), column(name))
    key: ColumnElement[int] = index.c.rowid
    # Join and order by the index's own key: SQLite then reads matches newest first, and stops at a full page.
    return found.join(index, key == noun.id).where(index.c[name].match(fts5_match(terms))), key
