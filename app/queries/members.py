"""Queries of the members of conversations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import select

from app.extensions import db
from app.models import Conversation, ConversationMember, MemberState, User


def others_in(user_id: int, conversation_ids: Sequence[int]) -> Mapping[int, Sequence[User]]:
    """Return the other current members of each conversation, by its id, including those who have not accepted yet.

    One query; none if there are no conversations.
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


def names_in_nameless(user_id: int, conversations: Iterable[Conversation]) -> Mapping[int, Sequence[str]]:
    """Return the other members' names, by conversation id, for those `conversations` that are groups without a name."""
    nameless = [one.id for one in conversations if one.is_group and not one.name]
    people = others_in(user_id, nameless)
    return {conversation_id: [user.display_name for user in some] for conversation_id, some in people.items()}
