"""Search of posts, people and messages, in the database itself: FTS5 on SQLite, a GIN index on PostgreSQL.

Both answer alike, because the words are cut by us (app/text/search.py) and not by them. The indexes are made in
migrations/search.py. What a person types is words only: no sign in it is an operator.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, cast, column, func, select, table
from sqlalchemy.dialects.postgresql import TSQUERY

from app.extensions import db
from app.models import Message, Post, User
from app.queries import timelines, visibility
from app.text.search import Term, fts5_match, tsquery

Found = TypeVar("Found", bound=Select[*tuple[Any, ...]])


def posts(viewer: User, terms: Sequence[Term]) -> tuple[Select[Post], ColumnElement[int]]:
    """The posts that have all the terms, and the key to page them by. `terms` come from `query_terms`; not empty."""
    return matching(timelines.listed(viewer), Post, terms)


def people(viewer: User, terms: Sequence[Term]) -> tuple[Select[User], ColumnElement[int]]:
    """The people whose name or username has all the terms, and the key to page them by."""
    return matching(select(User).where(visibility.is_met(viewer.id)), User, terms)


def matching(
    found: Found, noun: type[Post] | type[User] | type[Message], terms: Sequence[Term]
) -> tuple[Found, ColumnElement[int]]:
    """`found`, narrowed to rows whose search text has the terms, and the key to page them by."""
    if db.engine.dialect.name == "postgresql":
        words = func.array_to_tsvector(func.string_to_array(noun.search_text, " "))
        return found.where(words.bool_op("@@")(cast(tsquery(terms), TSQUERY))), noun.id + 0
    name = f"{noun.__tablename__}_search"
    index = table(name, column("rowid"), column(name))
    key: ColumnElement[int] = index.c.rowid
    # A join, and ordered by the index's own key: SQLite then reads matches newest first, and stops at a full page.
    return found.join(index, key == noun.id).where(index.c[name].match(fts5_match(terms))), key
