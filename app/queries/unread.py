"""What a person has not read yet. One object builds the count, the list and the mail, so they cannot disagree."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, Select, and_, func, select

from app.extensions import db
from app.models import ConversationMember, Message


def _unread_messages(user_id: Any) -> ColumnElement[bool]:
    """Messages from others, beyond what was rendered to the person. Conversations without any are not looked at."""
    return and_(
        ConversationMember.user_id == user_id,
        ConversationMember.newest_seq > ConversationMember.read_seq,
        Message.conversation_id == ConversationMember.conversation_id,
        Message.seq > ConversationMember.read_seq,
        Message.sender_id != user_id,
    )


def messages(user_id: int) -> Select[Message]:
    """The unread messages of a person."""
    return select(Message).join(ConversationMember, _unread_messages(user_id))


def message_count_of(user_id: Any) -> ScalarSelect[int]:
    """The number of unread messages, as part of another query; `user_id` may be a column."""
    return (
        select(func.count()).select_from(ConversationMember).join(Message, _unread_messages(user_id)).scalar_subquery()
    )


def message_count(user_id: int) -> int:
    """The number of unread messages: the badge."""
    return int(db.session.scalar(select(message_count_of(user_id))) or 0)
