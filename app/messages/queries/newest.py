"""What the numbers kept beside the messages should be: for who renews them, and for who counts them anew."""

from __future__ import annotations

from sqlalchemy import ScalarSelect, func, select

from app.models import ConversationMember, Message
from app.queries import visibility

SIDE = ConversationMember


def from_others() -> ScalarSelect[int]:
    """`ConversationMember.newest_seq`: the number of the newest message from somebody else, 0 when there is none."""
    here = (Message.conversation_id == SIDE.conversation_id, Message.kind == "text")
    theirs = Message.sender_id.is_distinct_from(SIDE.user_id)
    newest = select(func.coalesce(func.max(Message.seq), 0)).where(*here, theirs)
    return newest.correlate(SIDE).scalar_subquery()


def shown() -> ScalarSelect[int]:
    """`ConversationMember.newest_message_id`: the newest message that this side shows; NULL when there is none."""
    newest = select(Message.id).where(visibility.message_is_shown(SIDE)).order_by(Message.seq.desc()).limit(1)
    return newest.correlate(SIDE).scalar_subquery()
