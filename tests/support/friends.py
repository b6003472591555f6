"""People who write to each other already, as rows: for stacks of processes and for stories that begin anew."""

from __future__ import annotations

from sqlalchemy import Connection, insert

from app.messages.actions.locking import new_member
from app.models import Conversation, ConversationMember


def acquaint(connection: Connection, one_id: int, other_id: int) -> None:
    """Two people who have accepted each other's messages; nobody has written yet. Once for each pair."""
    low, high = sorted([one_id, other_id])
    conversation = insert(Conversation).values(pair_key=f"{low}:{high}", started_by_id=low).returning(Conversation.id)
    conversation_id = connection.execute(conversation).scalar_one()
    sides = [{**new_member(conversation_id, user_id), "state": "accepted"} for user_id in (low, high)]
    connection.execute(insert(ConversationMember), sides)
