"""How groups are called, for who reads of several at once: by their name, or by the names of their people."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select

from app.extensions import db
from app.models import Conversation, ConversationMember, User


def of_groups(reader_id: int, conversations: Iterable[Conversation]) -> dict[int, str]:
    """The titles of those of the conversations that are groups, by id. One query, or none when all have names."""
    groups = [one for one in conversations if one.pair_key is None]
    nameless = [one.id for one in groups if not one.name]
    people: dict[int, list[str]] = {}
    if nameless:
        side = ConversationMember
        others = (side.conversation_id.in_(nameless), side.user_id != reader_id, side.state != "left")
        query = select(side.conversation_id, User).join(User, User.id == side.user_id).where(*others).order_by(User.id)
        for conversation_id, user in db.session.execute(query):
            people.setdefault(conversation_id, []).append(user.display_name)
    return {one.id: one.name or ", ".join(people.get(one.id, [])) for one in groups}
