"""The state of a conversation that polls return to a member's pages."""

from __future__ import annotations

from collections.abc import Sequence, Set
from functools import cache
from typing import Any

from sqlalchemy import Integer, Select, bindparam, or_, select

from app.extensions import db
from app.models import Conversation, ConversationMember, MemberState, User
from app.queries import visibility


def state_for(user_id: int, conversation_id: int) -> dict[str, Any]:
    """Return the state of a conversation for one member.

    - `with`: the other user's username; "" for a group or a deleted account
    - `group`: the conversation's id; only for a group or a deleted account
    - `last_message_id`: the newest message that the member can see
    - `revision`: the number of the conversation's latest change
    - `delivered`: the seq up to which the polls of all other members have fetched the messages
    - `read`: the seq up to which all other members have read the messages

    `delivered` and `read` are 0 unless all members share read receipts, and for a former member of a group.
    """
    rows = db.session.execute(_memberships(), {"user_id": user_id, "conversation_id": conversation_id}).all()
    conversation = rows[0][0]
    viewer, mine = next((user, member) for _, member, user, _ in rows if user.id == user_id)
    others = [(user, member) for _, member, user, _ in rows if user.id != user_id]
    seen = others if mine.state != MemberState.LEFT else []
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
    # Built once, because it runs for every member with each message, while the member's clock is locked.
    membership, user_id = ConversationMember, bindparam("user_id", type_=Integer)
    return (
        select(Conversation, membership, User, visibility.blocked_between(user_id, User.id))
        .join(membership, membership.conversation_id == Conversation.id)
        .join(User, User.id == membership.user_id)
        .where(
            Conversation.id == bindparam("conversation_id"),
            or_(membership.state != MemberState.LEFT, membership.user_id == user_id),
        )
        .order_by(User.id)
        .execution_options(populate_existing=True)
    )


def receipts(
    viewer: User, others: Sequence[tuple[User, ConversationMember | None]], separated: Set[int]
) -> tuple[int, int]:
    """Return (delivered, read): the seqs up to which all other members have fetched and read the messages.

    Return (0, 0) unless the viewer and all other members share read receipts. Members who have not accepted the
    conversation don't share any. Nor do users in `separated`, whom a block separates from the viewer.
    """
    told = [(user, membership) for user, membership in others if user.receipts and user.id not in separated]
    memberships = [
        membership for _user, membership in told if membership is not None and membership.state == MemberState.ACCEPTED
    ]
    if not viewer.receipts or not memberships or len(memberships) < len(others):
        return 0, 0
    read = min(membership.read_seq for membership in memberships)
    return max(read, min(max(membership.delivered_seq, membership.read_seq) for membership in memberships)), read
