"""Queries of the members of conversations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import select

from app.extensions import db
from app.models import Conversation, ConversationMember, MemberState, User


def others_in(user_id: int, conversation_ids: Sequence[int]) -> Mapping[int, Sequence[User]]:
    """Return the current members of each conversation except this user, by conversation id. Runs at most one query.

    Members who have not accepted the conversation yet are included.
    """
    if not conversation_ids:
        return {}
    membership = ConversationMember
    query = (
        select(membership.conversation_id, User)
        .join(User, User.id == membership.user_id)
        .where(
            membership.conversation_id.in_(conversation_ids),
            membership.user_id != user_id,
            membership.state != MemberState.LEFT,
        )
        .order_by(User.id)
    )
    people: dict[int, list[User]] = {}
    for conversation_id, user in db.session.execute(query):
        people.setdefault(conversation_id, []).append(user)
    return people


def others_in_nameless(user_id: int, conversations: Iterable[Conversation]) -> Mapping[int, Sequence[User]]:
    """Return the members of each group without a name, except this user, by conversation id.

    Runs at most one query.
    """
    return others_in(user_id, [one.id for one in conversations if one.is_group and not one.name])
