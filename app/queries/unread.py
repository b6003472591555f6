"""What a person has not read yet. One condition builds the badge, the inbox and the mail, so they cannot disagree."""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, Select, and_, bindparam, case, exists, func, select
from sqlalchemy.orm import aliased

from app.extensions import db
from app.models import Conversation, ConversationMember, Message
from app.queries import visibility

# As in visibility.py: an alias is made once.
_asked, _other, _conversation = aliased(ConversationMember), aliased(ConversationMember), aliased(Conversation)


def _beyond_read(member: Any) -> ColumnElement[bool]:
    """Messages of one member's conversation, from others, beyond what was rendered to that member.

    Not of a request, nor of a conversation or a person that is muted; and no events.
    """
    return and_(
        member.state == "accepted",
        member.muted.is_(False),
        Message.seq > member.read_seq,
        Message.sender_id != member.user_id,
        Message.kind == "text",
        Message.deleted_at.is_(None),
        visibility.message_is_shown(member),
        visibility.is_not_muted_or_blocked(member.user_id, Message.sender_id),
    )


def _unread_messages(user_id: Any) -> ColumnElement[bool]:
    """A person's unread messages. Conversations without any are not looked at."""
    member = ConversationMember
    return and_(member.user_id == user_id, member.newest_seq > member.read_seq, _beyond_read(member))


def messages(user_id: int) -> Select[Message]:
    """The unread messages of a person."""
    return select(Message).join(ConversationMember, _unread_messages(user_id))


def message_count_of(user_id: Any) -> ScalarSelect[int]:
    """The number of unread messages, as part of another query; `user_id` may be a column."""
    return (
        select(func.count()).select_from(ConversationMember).join(Message, _unread_messages(user_id)).scalar_subquery()
    )


def message_count_in(member: Any) -> ColumnElement[int]:
    """The number of unread messages in one conversation, as part of another query; `member` may be an alias."""
    fresh = select(func.count(Message.id)).where(_beyond_read(member)).correlate(member).scalar_subquery()
    return case((member.newest_seq > member.read_seq, fresh), else_=0)


def is_wanted(member: Any) -> ColumnElement[bool]:
    """Whether a conversation may wait in its person's tray: they do not block the one who wants to write to them."""
    blocked = exists().where(
        _conversation.id == member.conversation_id,
        _conversation.pair_key.is_not(None),
        _other.conversation_id == _conversation.id,
        visibility.is_blocking(member.user_id, _other.user_id),
    )
    return ~blocked


def request_count_of(user_id: Any) -> ScalarSelect[int]:
    """The number of people whose first message waits for an answer, as part of another query."""
    waits = (_asked.user_id == user_id, _asked.state == "request", _asked.newest_message_id > 0, is_wanted(_asked))
    return select(func.count()).select_from(_asked).where(*waits).scalar_subquery()


def message_count(user_id: int) -> int:
    """The number of unread messages: the badge."""
    return int(db.session.scalar(_message_count(), {"user_id": user_id}) or 0)


def request_count(user_id: int) -> int:
    """The number of requests that wait: shown on the tray, and in no badge."""
    return int(db.session.scalar(_request_count(), {"user_id": user_id}) or 0)


@cache
def _message_count() -> Select[int]:
    # Put together once: counted with each message, under its reader's clock.
    return select(message_count_of(bindparam("user_id")))


@cache
def _request_count() -> Select[int]:
    return select(request_count_of(bindparam("user_id")))
