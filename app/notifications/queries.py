"""What a poll reads, and a push: the poll that is made for a browser which has no page of ours open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import String, and_, cast, func, select

from app.extensions import db
from app.models import Conversation, Message, Notification, User
from app.queries import unread


@dataclass(frozen=True)
class Told:
    """One notification as the contract has it."""

    name: str
    data: Any
    timestamp: float


def since(user_id: int, timestamp: float, clock: float) -> list[Told]:
    """The person's notifications after `timestamp`, oldest first.

    `clock` is the newest timestamp of theirs that is known to be committed. A `timestamp` ahead of it was given by a
    database that is no more (a backup was restored): everything is told again, so no client goes deaf.
    """
    rows = _after(user_id, timestamp)
    if not rows and timestamp > clock:
        rows = _after(user_id, 0.0)
    return rows


def _after(user_id: int, timestamp: float) -> list[Told]:
    rows = db.session.execute(
        select(Notification.name, Notification.data, Notification.timestamp)
        .where(Notification.user_id == user_id, Notification.timestamp > timestamp)
        .order_by(Notification.timestamp, Notification.name, Notification.subject)
    )
    return [Told(*row) for row in rows]


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
