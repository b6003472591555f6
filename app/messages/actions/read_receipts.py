"""Record which messages of a conversation a user has read, and which were delivered to them.

The read position is the sequence number of a message: the user's pages have shown all messages up to this one. The
delivered position is also the sequence number of a message: the user's polls have fetched all messages up to this one.
A position never decreases.
"""

from __future__ import annotations

from sqlalchemy import String, cast, exists, select, update
from sqlalchemy.orm import aliased

from app.extensions import db
from app.messages import notifications
from app.models import Conversation, ConversationMember, MemberState, Notification, User
from app.queries import visibility


def mark_read(user: User, conversation: Conversation, seq: int) -> bool:
    """Record that the user has read every message up to `seq`. Return whether the read position changed.

    If `seq` is higher than the sequence number of the newest message, the newest message is used instead.
    """
    upto = min(seq, conversation.newest_seq)
    membership = ConversationMember
    this = (membership.conversation_id == conversation.id, membership.user_id == user.id, membership.read_seq < upto)
    if db.session.scalar(update(membership).where(*this).values(read_seq=upto).returning(membership.user_id)) is None:
        return False
    notifications.publish_unread_count(user.id)
    _show_receipts(user, conversation.id)
    return True


def has_unread(mine: ConversationMember, upto: int) -> bool:
    """Return whether a membership has messages of other members after its read position, which `upto` is after, too.

    The caller must have locked the membership.
    """
    return mine.read_seq < min(upto, mine.newest_seq)


def mark_delivered(user: User, timestamp: float) -> int:
    """Record which messages the user's polls have fetched. Return how many conversations this changed.

    `timestamp` is the timestamp of the newest notification that a page has received from a poll. The page sends it in a
    separate request, because polls don't write to the database.
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
    # Lock in a fixed order, so that concurrent reports from two tabs can't deadlock. Check `heard` in a second
    # statement: after waiting for a lock, PostgreSQL rereads the locked row but not the rows of subqueries.
    waits = select(membership.conversation_id).where(*behind).order_by(membership.conversation_id)
    db.session.execute(waits.with_for_update())
    query = select(membership).where(*behind, heard).order_by(membership.conversation_id)
    memberships = db.session.scalars(query.execution_options(populate_existing=True)).all()
    for mine in memberships:
        mine.delivered_seq = mine.newest_seq
        _show_receipts(user, mine.conversation_id)
    return len(memberships)


def _show_receipts(user: User, conversation_id: int) -> None:
    """Publish the conversation's state to the members who can see this user's read receipts.

    A member can see the read receipts if the user and the member share read receipts, both have accepted the
    conversation, and neither blocks the other.
    """
    if not user.receipts:
        return
    membership, mine = ConversationMember, aliased(ConversationMember)
    accepted = exists().where(
        mine.conversation_id == conversation_id, mine.user_id == user.id, mine.state == MemberState.ACCEPTED
    )
    readers = (
        select(membership.user_id)
        .join(User, User.id == membership.user_id)
        .where(
            membership.conversation_id == conversation_id,
            membership.state == MemberState.ACCEPTED,
            User.receipts,
            User.id != user.id,
        )
        .where(accepted, ~visibility.blocked_between(user.id, User.id))
    )
    notifications.publish_conversation_state(conversation_id, list(db.session.scalars(readers)))
