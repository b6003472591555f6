"""Queries for the recipients of a new message: suggestions by name, and whether the viewer may write to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, literal, select, union_all
from sqlalchemy.orm import aliased

from app.extensions import db
from app.lib.text.search import Term, query_terms
from app.messages import permission
from app.messages.permission import Decision, Relationship
from app.messages.queries.conversations import pair_key_with
from app.models import Conversation, ConversationMember, Follow, MemberState, User
from app.queries import visibility
from app.queries.name_prefixes import has_words
from app.queries.search import matching

MAX_SUGGESTIONS = 8
SCAN_LIMIT = 1000  # maximum number of conversations, and of follows in each direction, that the query reads
STRANGERS = 50  # maximum number of other users with a matching name that the query reads
WRITTEN, FOLLOWED, FOLLOWER, STRANGER = range(4)  # the order of suggestions


@dataclass(frozen=True)
class Recipient:
    """A possible recipient, and whether the viewer may write to them."""

    user: User
    verdict: Decision


def suggestions(viewer: User, q: str) -> list[Recipient]:
    """Return users whose name or username contains the words of `q`. The last word may be a prefix. Runs one query.

    Users with whom the viewer has exchanged messages come first, by latest message. Next come users whom the viewer
    follows, then the viewer's followers, then all others. If `q` is empty, only the first three groups are returned.
    Inactive accounts, and users separated from the viewer by a block, are never returned.
    """
    terms = query_terms(q)
    if q.strip() and not terms:
        return []
    found = union_all(*_candidates(viewer, terms)).subquery()
    best = select(
        found.c.user_id, func.min(found.c.place).label("place"), func.max(found.c.newest).label("newest")
    ).group_by(found.c.user_id)
    known = best.subquery()
    order = (known.c.place, known.c.newest.desc(), known.c.user_id.desc())
    chosen = (
        select(known)
        .join(User, User.id == known.c.user_id)
        .where(*has_words(terms), User.id != viewer.id, visibility.is_visible(viewer.id))
        .order_by(*order)
        .limit(MAX_SUGGESTIONS)
        .subquery()
    )
    query = _recipients(viewer).join(chosen, chosen.c.user_id == User.id)
    return _all(query.order_by(chosen.c.place, chosen.c.newest.desc(), chosen.c.user_id.desc()))


def by_ids(viewer: User, user_ids: Sequence[int]) -> list[Recipient]:
    """Return the users with these ids, and whether the viewer may write to them. Runs one query."""
    return _all(_recipients(viewer).where(User.id.in_(user_ids)).order_by(User.id)) if user_ids else []


def _recipients(viewer: User) -> Select[Any]:
    membership = aliased(ConversationMember)
    state = (
        select(membership.state)
        .join(Conversation, Conversation.id == membership.conversation_id)
        .where(Conversation.pair_key == pair_key_with(viewer), membership.user_id == User.id)
    )
    return select(User, *permission.columns(viewer.id, User), state.scalar_subquery())


def _all(query: Select[Any]) -> list[Recipient]:
    return [Recipient(row[0], permission.decide(Relationship(*row[1:]))) for row in db.session.execute(query)]


def _candidates(viewer: User, terms: Sequence[Term]) -> list[Select[int, int, int]]:
    """Return a query for each category of possible recipients, for example the viewer's followers.

    Each query selects (user id, place, newest message id), where `place` is the position of the category in the
    suggestions. Each query has a LIMIT, so that it stays fast.
    """
    mine, theirs = aliased(ConversationMember), aliased(ConversationMember)
    written = (
        select(theirs.user_id.label("user_id"), literal(WRITTEN).label("place"), mine.newest_message_id.label("newest"))
        .select_from(mine)
        .join(Conversation, Conversation.id == mine.conversation_id)
        .join(theirs, theirs.conversation_id == mine.conversation_id)
        .where(mine.user_id == viewer.id, mine.state == MemberState.ACCEPTED, mine.newest_message_id > 0)
        .where(Conversation.pair_key.is_not(None), theirs.user_id != viewer.id)
        .order_by(mine.newest_message_id.desc())
    )
    lists = [
        _cut(written, SCAN_LIMIT),
        _cut(_ranked(Follow.followed_id, FOLLOWED).where(Follow.follower_id == viewer.id), SCAN_LIMIT),
        _cut(_ranked(Follow.follower_id, FOLLOWER).where(Follow.followed_id == viewer.id), SCAN_LIMIT),
    ]
    if terms:
        strangers, key = matching(_ranked(User.id, STRANGER), User, terms)
        lists.append(_cut(strangers.order_by(key.desc()), STRANGERS))
    return lists


def _ranked(user_id: Any, place: int) -> Select[int, int, int]:
    return select(user_id.label("user_id"), literal(place).label("place"), literal(0).label("newest"))


def _cut(query: Select[int, int, int], size: int) -> Select[int, int, int]:
    """Limit `query` to `size` rows, for use in a UNION.

    The LIMIT is in a subquery, because SQLite does not allow it directly in a part of a UNION.
    """
    return select(query.limit(size).subquery())
