"""Full-text search of posts, users and messages in the database: FTS5 on SQLite, a GIN index on PostgreSQL.

Both engines return the same results, because app/lib/text/search.py splits texts and queries into words. A query has
only words and no operators. The indexes are created in migrations/search.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, cast, column, func, literal, select, table, union_all
from sqlalchemy.dialects.postgresql import TSQUERY

from app.core.database import shared_alias
from app.extensions import db
from app.lib.text.search import Term, fts5_match, tsquery
from app.models import Message, Post, User
from app.queries import languages, timelines, visibility

WINDOWS = (1_000, 50_000)  # PostgreSQL searches this many newest ids first, then this many, then the rest
_any = shared_alias(Post)  # created once, because creating an alias is slow

Found = TypeVar("Found", bound=Select[*tuple[Any, ...]])


def posts(
    terms: Sequence[Term], *, before: int | None = None, size: int = 25, read: Sequence[str] = ()
) -> Select[Post]:
    """Select up to `size` + 1 posts that contain all the terms, newest first, with ids below `before`.

    `terms` come from `query_terms` and must not be empty. Posts that the viewer may not see, or whose authors the
    viewer mutes, are left out. So are posts in languages other than `read`, the result of `languages.read_by`. The cost
    then also depends on the number of these posts that match. The viewer is the bind parameter `viewer_id`.
    """
    if db.engine.dialect.name == "postgresql":
        return _newest_first(terms, before, size, read)
    found, key = matching(languages.only(timelines.listed(), read), Post, terms)
    found = found if before is None else found.where(key < before)
    return found.order_by(key.desc()).limit(size + 1)


def _newest_first(terms: Sequence[Term], before: int | None, size: int, read: Sequence[str]) -> Select[Post]:
    """Return the query of `posts` for PostgreSQL, whose index returns matches in no particular order.

    For a common word, sorting all matches would take time proportional to the number of posts. So the newest posts are
    searched first, then a larger window, then the rest. PostgreSQL runs the parts of a UNION ALL in order, and stops at
    the limit.
    """
    newest = select(func.coalesce(func.max(_any.id), 0) + 1).scalar_subquery() if before is None else literal(before)
    upper: ColumnElement[int] = newest
    parts = []
    for width in (*WINDOWS, None):
        found, key = matching(languages.only(timelines.listed_ids(), read), Post, terms)
        found = found.where(Post.id < upper)
        if width is not None:
            upper = newest - width
            found = found.where(Post.id >= upper)
        # The newest posts are few, so scan them by id. In the other parts, use the full-text index.
        order = Post.id if width == WINDOWS[0] else key
        parts.append(select(found.order_by(order.desc()).limit(size + 1).subquery().c.id))
    page = select(union_all(*parts).subquery().c.id).limit(size + 1).subquery()
    return timelines.visible().join(page, page.c.id == Post.id).order_by(Post.id.desc())


def people(viewer: User, terms: Sequence[Term]) -> tuple[Select[User], ColumnElement[int]]:
    """Select users whose names contain all the terms. Return the query, and the column by which to paginate it."""
    return matching(select(User).where(visibility.is_visible(viewer.id)), User, terms)


def matching(
    found: Found, noun: type[Post] | type[User] | type[Message], terms: Sequence[Term]
) -> tuple[Found, ColumnElement[int]]:
    """Restrict the query `found` to rows of the model `noun` that contain all the terms.

    Return the restricted query, and the column by which to paginate it.
    """
    if db.engine.dialect.name == "postgresql":
        words = func.array_to_tsvector(func.string_to_array(noun.search_text, " "))
        return found.where(words.bool_op("@@")(cast(tsquery(terms), TSQUERY))), noun.id + 0
    name = f"{noun.__tablename__}_search"
    index = table(name, column("rowid"), column(name))
    key: ColumnElement[int] = index.c.rowid
    # Page by the index's own key, so that SQLite reads matches in its order and stops when the page is full.
    return found.join(index, key == noun.id).where(index.c[name].match(fts5_match(terms))), key
