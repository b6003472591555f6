"""Queries for pushes: unread messages by sender."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import String, and_, cast, func

from app.extensions import db
from app.models import Conversation, Message, Notification, User
from app.queries import unread


@dataclass(frozen=True)
class Unread:
    """The unread messages of one sender in one conversation."""

    conversation: Conversation
    sender: User
    count: int
    timestamp: float  # when the conversation last changed


def unread_by_sender(user_id: int, after: float, until: float) -> list[Unread]:
    """Return unread messages by conversation and sender. Runs one query.

    Only conversations that changed between the timestamps `after` and `until` are included. The timestamps are of the
    user's notification clock (app/notifications/user_clock.py).
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
