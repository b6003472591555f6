"""Find users and tags by the beginning of their names, for search and autocompletion.

To limit the cost, only a limited number of candidates is read before sorting.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, String, func, literal, select, union_all

from app.extensions import db
from app.lib.text.names import username_key
from app.lib.text.search import Term, query_terms, tag_key
from app.models import Follow, Post, PostTag, User
from app.queries import visibility
from app.queries.search import matching

# The maximum number of candidates that are read:
FOLLOWED_LOOKED_AT = 1000  # users whom the viewer follows, newest account first
STRANGERS_LOOKED_AT = 50  # other users who match by whole words, and as many who match by a prefix
TAGS_LOOKED_AT = 2000  # uses of tags in posts, newest first
USES_LOOKED_AT = 100  # matches among these uses
EXACT, FOLLOWED, WORD, BEGINNING = range(4)


def people_named(viewer: User, q: str, limit: int, *, with_viewer: bool = True) -> Sequence[User]:
    """Return up to `limit` users whose names (username and display name) contain the words of `q`. Runs one query.

    The last word may be a prefix. Case, accents and a leading "@" are ignored. The user with exactly this username
    comes first, then users whom the viewer follows, then others. If `q` is empty, users whom the viewer follows are
    returned. Inactive users are left out. So are users who block the viewer or whom the viewer blocks.
    """
    terms = query_terms(q)
    if q.strip(" @＠") and not terms:
        return []
    found = union_all(*_candidates(viewer, q, terms)).subquery()
    best = select(found.c.id, func.min(found.c.place).label("place")).group_by(found.c.id).subquery()
    query = select(User).join(best, best.c.id == User.id).where(visibility.is_visible(viewer.id))
    if not with_viewer:
        query = query.where(User.id != viewer.id)
    return db.session.scalars(query.order_by(best.c.place, User.id.desc()).limit(limit)).all()


def _candidates(viewer: User, q: str, terms: Sequence[Term]) -> list[Select[int, int]]:
    followed = (
        select(User.id, literal(FOLLOWED).label("place"))
        .join(Follow, Follow.followed_id == User.id)
        .where(Follow.follower_id == viewer.id, *has_words(terms))
    )
    newest = select(Follow.followed_id).where(Follow.follower_id == viewer.id).order_by(Follow.followed_id.desc())
    lists = [followed.where(Follow.followed_id.in_(select(newest.limit(FOLLOWED_LOOKED_AT).subquery())))]
    if terms:
        exact = User.username_key == username_key(q.strip().lstrip("@＠"))
        lists.append(select(User.id, literal(EXACT).label("place")).where(exact))
        whole = [Term(term.text, prefix=False) for term in terms]
        lists += [_cut(_place(WORD), whole), _cut(_place(BEGINNING), terms)]
    return lists


def _place(place: int) -> Select[int, int]:
    return select(User.id, literal(place).label("place"))


def _cut(people: Select[int, int], terms: Sequence[Term]) -> Select[int, int]:
    """Restrict the query `people` to users who match all terms, at most STRANGERS_LOOKED_AT. Return it as a subquery.

    The query becomes a part of a UNION. SQLite allows a LIMIT in such a part only in a subquery.
    """
    return select(matching(people, User, terms)[0].limit(STRANGERS_LOOKED_AT).subquery())


def has_words(terms: Sequence[Term]) -> list[ColumnElement[bool]]:
    """Return SQL conditions that the names of a `User` contain all these terms: one condition for each term.

    The last term also matches words that only begin with it.
    """
    words = literal(" ", String) + User.search_text + " "
    last = len(terms) - 1
    return [
        words.contains(f" {term.text}" if term.prefix or at == last else f" {term.text} ", autoescape=True)
        for at, term in enumerate(terms)
    ]


def tags_named(viewer: User, q: str, limit: int) -> list[str]:
    """Return up to `limit` tags that start with `q`, without the "#". Runs one query.

    An exact match comes first, then the most recently used tags. If `q` is empty, the most recently used tags are
    returned. Tags of posts that the viewer can't see, or whose authors the viewer mutes, are ignored.
    """
    key = tag_key(q.strip().lstrip("#＃"))
    if q.strip(" #＃") and not key:
        return []
    uses = select(PostTag.post_id, PostTag.key, PostTag.name)
    latest = uses.order_by(PostTag.post_id.desc(), PostTag.key).limit(TAGS_LOOKED_AT).subquery()
    begins = latest.c.key.startswith(key, autoescape=True)
    lists = [_listed(viewer, latest).where(begins).order_by(latest.c.post_id.desc()).limit(USES_LOOKED_AT)]
    if key:
        lists.append(_listed(viewer, PostTag).where(PostTag.key == key).order_by(PostTag.post_id.desc()).limit(1))
    found = union_all(*(select(one.subquery()) for one in lists)).subquery()
    is_exact = (found.c.key == key).desc()
    names: dict[str, str] = {}
    for row in db.session.execute(select(found).order_by(is_exact, found.c.post_id.desc())):
        names.setdefault(row.key, row.name)
    return list(names.values())[:limit]


def _listed(viewer: User, uses: Any) -> Select[int, str, str]:
    columns = uses.c if hasattr(uses, "c") else uses
    return (
        select(columns.post_id, columns.key, columns.name)
        .join(Post, Post.id == columns.post_id)
        .join(User, User.id == Post.author_id)
        .where(visibility.post_is_visible(viewer.id), ~visibility.is_muting(viewer.id, Post.author_id))
    )
