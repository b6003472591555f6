"""What no mail has told a person of."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from app.extensions import db
from app.models import Conversation, ConversationMember, Message
from app.queries import unread

QUOTED = 3  # messages of one conversation in one mail at most; it tells the number of all


@dataclass(frozen=True)
class Unmailed:
    """What a mail tells of one conversation: how many messages wait, and the newest of them, oldest first."""

    conversation: Conversation
    count: int
    newest: list[Message]  # with senders and pictures


def unmailed(recipient_id: int) -> list[Unmailed]:
    """The unread messages that no mail has told a person about; the conversation that spoke last comes first."""
    within = Message.conversation_id
    told = unread.messages(recipient_id).where(Message.seq > ConversationMember.mailed_seq)
    place = func.row_number().over(partition_by=within, order_by=Message.seq.desc())
    found = told.with_only_columns(
        Message.id, place.label("place"), func.count().over(partition_by=within).label("count")
    ).subquery()
    query = (
        select(Message, Conversation, found.c.count)
        .join(found, found.c.id == Message.id)
        .join(Conversation, Conversation.id == Message.conversation_id)
        .where(found.c.place <= QUOTED)
        .options(joinedload(Message.sender), joinedload(Message.images))
        .order_by(Message.id.desc())
    )
    conversations: dict[int, Unmailed] = {}
    for message, conversation, count in db.session.execute(query).unique():
        one = conversations.setdefault(conversation.id, Unmailed(conversation, count, []))
        one.newest.insert(0, message)
    return list(conversations.values())
