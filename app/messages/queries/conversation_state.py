"""What the poller is told of a conversation, whole."""

from __future__ import annotations

from collections.abc import Sequence, Set
from functools import cache
from typing import Any

from sqlalchemy import Integer, Select, bindparam, or_, select

from app.extensions import db
from app.models import Conversation, ConversationMember, User
from app.queries import visibility


def state_for(user_id: int, conversation_id: int) -> dict[str, Any]:
    """`{"with", "last_message_id", "revision", "delivered", "read"}`, and for a group also `"group"`, its id.

    `with` is the other one's username, "" for a group; somebody whose account is deleted has no name, so their
    conversation is told like a group's. What `delivered` and `read` say holds for messages up to that number:
    everybody else's polls have fetched them, everybody else has been shown them. They are 0 unless this person and all
    the others show each other what they read. Who has left a group is told what they could see last.
    """
    rows = db.session.execute(_memberships(), {"user_id": user_id, "conversation_id": conversation_id}).all()
    conversation = rows[0][0]
    viewer, mine = next((user, member) for _, member, user, _ in rows if user.id == user_id)
    others = [(user, member) for _, member, user, _ in rows if user.id != user_id]
    seen = others if mine.state != "left" else []
    delivered, read = receipts(
        viewer, seen, {user.id for _, _, user, is_blocked_either_way in rows if is_blocked_either_way}
    )
    state = {
        "with": others[0][0].username if others and conversation.pair_key else "",
        "last_message_id": mine.newest_message_id,
        "revision": conversation.revision,
        "delivered": delivered,
        "read": read,
    }
    return state if conversation.pair_key and others else {**state, "group": conversation.id}


@cache
def _memberships() -> Select[Conversation, ConversationMember, User, bool]:
    # Put together once: asked for everybody in a conversation with each message, under their clocks.
    membership, user_id = ConversationMember, bindparam("user_id", type_=Integer)
    return (
        select(Conversation, membership, User, visibility.blocked_between(user_id, User.id))
        .join(membership, membership.conversation_id == Conversation.id)
        .join(User, User.id == membership.user_id)
        .where(
            Conversation.id == bindparam("conversation_id"),
            or_(membership.state != "left", membership.user_id == user_id),
        )
        .order_by(User.id)
        .execution_options(populate_existing=True)
    )


def receipts(
    viewer: User, others: Sequence[tuple[User, ConversationMember | None]], apart: Set[int]
) -> tuple[int, int]:
    """Up to which numbers everybody else has fetched and has read; (0, 0) unless all show it to each other.

    Whoever has not accepted the conversation tells nothing of it, and nobody tells those `apart` from them by a block.
    """
    told = [(user, membership) for user, membership in others if user.receipts and user.id not in apart]
    memberships = [
        membership for _user, membership in told if membership is not None and membership.state == "accepted"
    ]
    if not viewer.receipts or not memberships or len(memberships) < len(others):
        return 0, 0
    read = min(membership.read_seq for membership in memberships)
    return max(read, min(max(membership.delivered_seq, membership.read_seq) for membership in memberships)), read
