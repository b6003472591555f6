"""Queries of unread messages. The badge, the inbox and emails use the same SQL condition, so their numbers agree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, Select, and_, bindparam, case, exists, func, select

from app.core.database import built_once, execute_core, shared_alias
from app.extensions import db
from app.models import Conversation, ConversationMember, MemberState, Message, User
from app.queries import visibility

# Created once, because creating an alias is slow.
_asked, _other, _conversation = (
    shared_alias(ConversationMember),
    shared_alias(ConversationMember),
    shared_alias(Conversation),
)


def _beyond_read(member: Any) -> ColumnElement[bool]:
    """Return the condition that a message counts as unread for a member of its conversation.

    The member must have accepted the conversation and not muted it. The message must be a text by another sender, after
    the member's read position, visible to the member, and not deleted. The member must not mute the sender, and neither
    may block the other.
    """
    return and_(
        member.state == MemberState.ACCEPTED,
        member.muted.is_(False),
        Message.seq > member.read_seq,
        Message.sender_id != member.user_id,
        Message.kind == "text",
        Message.deleted_at.is_(None),
        visibility.message_is_shown(member),
        visibility.is_not_muted_or_blocked(member.user_id, Message.sender_id),
    )


def _unread_messages(user_id: Any) -> ColumnElement[bool]:
    """Return the condition that joins a user's memberships (`ConversationMember`) with the unread messages.

    `newest_seq > read_seq` skips conversations without new messages.
    """
    member = ConversationMember
    return and_(member.user_id == user_id, member.newest_seq > member.read_seq, _beyond_read(member))


def messages(user_id: Any) -> Select[Message]:
    """Select a user's unread messages. `user_id` may be a parameter."""
    return select(Message).join(ConversationMember, _unread_messages(user_id))


def message_count_of(user_id: Any) -> ScalarSelect[int]:
    """Return the number of a user's unread messages, as a scalar subquery. `user_id` may be a column."""
    return (
        select(func.count()).select_from(ConversationMember).join(Message, _unread_messages(user_id)).scalar_subquery()
    )


def message_count_in(member: Any) -> ColumnElement[int]:
    """Return the number of unread messages of a conversation member, as a column expression.

    `member` is ConversationMember or an alias of it.
    """
    fresh = select(func.count(Message.id)).where(_beyond_read(member)).correlate(member).scalar_subquery()
    return case((member.newest_seq > member.read_seq, fresh), else_=0)


def is_visible_request(member: Any) -> ColumnElement[bool]:
    """Return the condition that a message request may be shown: its recipient doesn't block the other user."""
    blocked = exists().where(
        _conversation.id == member.conversation_id,
        _conversation.pair_key.is_not(None),
        _other.conversation_id == _conversation.id,
        visibility.is_blocking(member.user_id, _other.user_id),
    )
    return ~blocked


def request_count_of(user_id: Any) -> ScalarSelect[int]:
    """Return the number of a user's pending message requests, as a scalar subquery."""
    waits = (
        _asked.user_id == user_id,
        _asked.state == MemberState.REQUEST,
        _asked.newest_message_id > 0,
        is_visible_request(_asked),
    )
    return select(func.count()).select_from(_asked).where(*waits).scalar_subquery()


def message_count(user_id: int) -> int:
    """Return the number of a user's unread messages, as shown in the badge."""
    return int(db.session.scalar(_message_count(), {"user_id": user_id}) or 0)


def message_counts(user_ids: Sequence[int]) -> dict[int, int]:
    """Return the number of unread messages of each of these users, by user id. Runs one query."""
    if len(user_ids) == 1:  # the usual case, and its statement is faster
        return {user_ids[0]: execute_core(_message_count(), {"user_id": user_ids[0]}).scalar_one()}
    rows = execute_core(_message_counts(), {"user_ids": list(user_ids)}).all()
    return {row[0]: row[1] for row in rows}


def request_count(user_id: int) -> int:
    """Return the number of a user's pending message requests. Only the inbox shows this number."""
    return int(db.session.scalar(_request_count(), {"user_id": user_id}) or 0)


@built_once
def _message_count() -> Select[int]:
    # Built once, because it runs for each message while the recipient's clock is locked.
    return select(message_count_of(bindparam("user_id")))


@built_once
def _message_counts() -> Select[int, int]:
    return select(User.id, message_count_of(User.id)).where(User.id.in_(bindparam("user_ids", expanding=True)))


@built_once
def _request_count() -> Select[int]:
    return select(request_count_of(bindparam("user_id")))
