"""Reading: what was rendered to a person, and what their polls have fetched. Both only move forward."""

from __future__ import annotations

from sqlalchemy import String, cast, exists, select, update
from sqlalchemy.orm import aliased

from app.extensions import db
from app.messages import notifications
from app.models import Conversation, ConversationMember, Notification, User
from app.queries import visibility


def mark_read(user: User, conversation: Conversation, seq: int) -> bool:
    """Record that every message up to number `seq` was rendered to `user`; True when that is news.

    Moves forward only, and never beyond the newest message.
    """
    upto = min(seq, conversation.newest_seq)
    side = ConversationMember
    this = (side.conversation_id == conversation.id, side.user_id == user.id, side.read_seq < upto)
    if db.session.scalar(update(side).where(*this).values(read_seq=upto).returning(side.user_id)) is None:
        return False
    notifications.publish_unread_count(user.id)
    _show_receipts(user, conversation.id)
    return True


def mark_delivered(user: User, timestamp: float) -> int:
    """Record that a poll of `user` has fetched all that their clock told up to `timestamp`; of how many conversations
    that is news.

    The poll itself writes nothing: the page says what it heard.
    """
    side = ConversationMember
    heard = exists().where(
        Notification.user_id == user.id,
        Notification.name == "conversation",
        Notification.subject == cast(side.conversation_id, String),
        Notification.timestamp <= timestamp,
    )
    behind = (side.user_id == user.id, side.newest_seq > side.delivered_seq, side.newest_seq > side.read_seq)
    # In one order, so that two tabs which say the same cannot wait for each other. What was heard is asked afterwards:
    # PostgreSQL, when it has waited for a lock, gives the side as it is then beside what had been told before.
    waits = select(side.conversation_id).where(*behind).order_by(side.conversation_id)
    db.session.execute(waits.with_for_update())
    query = select(side).where(*behind, heard).order_by(side.conversation_id)
    sides = db.session.scalars(query.execution_options(populate_existing=True)).all()
    for mine in sides:
        mine.delivered_seq = mine.newest_seq
        _show_receipts(user, mine.conversation_id)
    return len(sides)


def _show_receipts(user: User, conversation_id: int) -> None:
    """Move the marks on the pages of those who see them: only where both show each other what they read.

    Who has not accepted tells nobody anything, not even that something may have moved; nobody tells whom a block keeps
    apart from them.
    """
    if not user.receipts:
        return
    side, mine = ConversationMember, aliased(ConversationMember)
    accepted = exists().where(
        mine.conversation_id == conversation_id, mine.user_id == user.id, mine.state == "accepted"
    )
    readers = (
        select(side.user_id)
        .join(User, User.id == side.user_id)
        .where(side.conversation_id == conversation_id, side.state == "accepted", User.receipts, User.id != user.id)
        .where(accepted, ~visibility.blocked_between(user.id, User.id))
    )
    notifications.publish_conversation_state(conversation_id, list(db.session.scalars(readers)))
