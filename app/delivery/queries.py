"""Reads that only delivery needs: unread messages by sender, for a push."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import String, and_, cast, func

from app.extensions import db
from app.models import Conversation, Message, Notification, User
from app.queries import unread


@dataclass(frozen=True)
class Unread:
    """What one person has written in one conversation and another has not read."""

    conversation: Conversation
    sender: User
    count: int
    timestamp: float  # of the conversation's newest move, on the reader's clock


def unread_by_sender(user_id: int, after: float, until: float) -> list[Unread]:
    """Who wrote what a person has not read, in conversations that moved between two times of the person's clock.

    One query.
    """
    moved = and_(
        Notification.user_id == user_id,
        Notification.name == "conversation",
        Notification.subject == cast(Message.conversation_id, String),
        Notification.timestamp > after,
        Notification.timestamp <= until,
    )
    query = (
        unread.messages(user_id)
        .join(User, User.id == Message.sender_id)
        .join(Conversation, Conversation.id == Message.conversation_id)
        .join(Notification, moved)
        .with_only_columns(
            Conversation, User, func.count(), func.max(Notification.timestamp), maintain_column_froms=True
        )
        .group_by(Conversation.id, User.id)
    )
    return [Unread(*row) for row in db.session.execute(query)]
