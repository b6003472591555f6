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
    membership = ConversationMember
    this = (membership.conversation_id == conversation.id, membership.user_id == user.id, membership.read_seq < upto)
    if db.session.scalar(update(membership).where(*this).values(read_seq=upto).returning(membership.user_id)) is None:
        return False
    notifications.publish_unread_count(user.id)
    _show_receipts(user, conversation.id)
    return True


def mark_delivered(user: User, timestamp: float) -> int:
    """Record that a poll of `user` has fetched all that their clock told up to `timestamp`; of how many conversations
    that is news.

    The poll itself writes nothing: the page says what it heard.
    """
    membership = ConversationMember
    heard = exists().where(
        Notification.user_id == user.id,
        Notification.name == "conversation",
        Notification.subject == cast(membership.conversation_id, String),
        Notification.timestamp <= timestamp,
    )
    behind = (
        membership.user_id == user.id,
        membership.newest_seq > membership.delivered_seq,
        membership.newest_seq > membership.read_seq,
    )
    # In one order, so that two tabs which say the same cannot wait for each other. What was heard is asked afterwards:
    # PostgreSQL, when it has waited for a lock, gives the membership as it is then beside what had been told before.
    waits = select(membership.conversation_id).where(*behind).order_by(membership.conversation_id)
    db.session.execute(waits.with_for_update())
    query = select(membership).where(*behind, heard).order_by(membership.conversation_id)
    memberships = db.session.scalars(query.execution_options(populate_existing=True)).all()
    for mine in memberships:
        mine.delivered_seq = mine.newest_seq
        _show_receipts(user, mine.conversation_id)
    return len(memberships)


def _show_receipts(user: User, conversation_id: int) -> None:
    """Move the marks on the pages of those who see them: only where both show each other what they read.

    Who has not accepted tells nobody anything, not even that something may have moved; nobody tells whom a block keeps
    apart from them.
    """
    if not user.receipts:
        return
    membership, mine = ConversationMember, aliased(ConversationMember)
    accepted = exists().where(
        mine.conversation_id == conversation_id, mine.user_id == user.id, mine.state == "accepted"
    )
    readers = (
        select(membership.user_id)
        .join(User, User.id == membership.user_id)
        .where(
            membership.conversation_id == conversation_id,
            membership.state == "accepted",
            User.receipts,
            User.id != user.id,
        )
        .where(accepted, ~visibility.blocked_between(user.id, User.id))
    )
    notifications.publish_conversation_state(conversation_id, list(db.session.scalars(readers)))
