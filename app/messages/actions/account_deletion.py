"""Remove a deleted account from its conversations.

If another member has accepted the conversation, the account's messages stay, without its name and images. Otherwise,
the conversation is deleted: the other members have at most a message request, and no one needs to answer a request from
a deleted account.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, select, update

from app.core import account_deletion
from app.core.time import now
from app.extensions import db
from app.messages import notifications
from app.messages.actions.locking import lock
from app.models import Conversation, ConversationMember, MemberState, Message, MessageImage, SealedMessage
from app.notifications.outbox import delete_state

BATCH = 500  # messages per transaction


@account_deletion.register_step
def remove_user_from_conversation(user_id: int) -> bool:
    """Remove a part of a user's data from one conversation. Return False if the user is in no conversation.

    The account deletion calls this function until it returns False. Each call handles up to BATCH messages of one
    conversation. If none are left, the call deletes the user's membership or, if no other member has accepted the
    conversation, the conversation.
    """
    mine = (
        select(ConversationMember.conversation_id)
        .where(ConversationMember.user_id == user_id)
        .order_by(ConversationMember.conversation_id)
    )
    conversation_id = db.session.scalar(mine.limit(1))
    if conversation_id is None:
        return False
    conversation = lock(conversation_id)
    others = [other for other in notifications.member_ids(conversation_id) if other != user_id]
    if _has_other_members(conversation_id, user_id):
        _leave(conversation, user_id, others)
    else:
        _delete_conversation(conversation, others)
    return True


def _has_other_members(conversation_id: int, user_id: int) -> bool:
    accepted = (
        ConversationMember.conversation_id == conversation_id,
        ConversationMember.user_id != user_id,
        ConversationMember.state == MemberState.ACCEPTED,
    )
    return db.session.scalar(select(ConversationMember.user_id).where(*accepted).limit(1)) is not None


def _leave(conversation: Conversation, user_id: int, others: Sequence[int]) -> None:
    theirs = select(Message.id).where(Message.conversation_id == conversation.id, Message.sender_id == user_id)
    some = db.session.scalars(theirs.limit(BATCH)).all()
    conversation.revision += 1
    if some:
        _remove_sender(some, conversation.revision)
    else:
        _remove_name(conversation, user_id)
        db.session.execute(
            delete(ConversationMember).where(
                ConversationMember.conversation_id == conversation.id, ConversationMember.user_id == user_id
            )
        )
    db.session.flush()
    notifications.publish_conversation_state(conversation.id, others)
    for other in others:
        notifications.publish_unread_count(other)  # messages without a sender don't count as unread


def _remove_sender(message_ids: Sequence[int], revision: int) -> None:
    db.session.execute(delete(MessageImage).where(MessageImage.message_id.in_(message_ids)))
    db.session.execute(delete(SealedMessage).where(SealedMessage.message_id.in_(message_ids)))
    these = update(Message).where(Message.id.in_(message_ids)).execution_options(synchronize_session=False)
    # A message that consisted of images only is now empty.
    empty = (Message.kind == "text", Message.body == "", Message.deleted_at.is_(None))
    db.session.execute(these.where(*empty).values(deleted_at=now()))
    db.session.execute(these.values(sender_id=None, revision=revision))


def _remove_name(conversation: Conversation, user_id: int) -> None:
    """Remove the user's name from the events that say that the user was added to the group."""
    events = select(Message).where(Message.conversation_id == conversation.id, Message.kind == "added")
    for event in db.session.scalars(events):
        if event.args.get("user_id") == user_id:
            event.args = {"user_id": user_id, "username": ""}
            event.revision = conversation.revision


def _delete_conversation(conversation: Conversation, others: Sequence[int]) -> None:
    """Delete up to BATCH messages of the conversation. If no messages are left, delete the conversation."""
    here = ConversationMember.conversation_id == conversation.id
    db.session.execute(update(ConversationMember).where(here).values(newest_seq=0, newest_message_id=0))
    some = select(Message.id).where(Message.conversation_id == conversation.id).limit(BATCH)
    gone = delete(Message).where(Message.id.in_(some)).returning(Message.id)
    if not db.session.scalars(gone.execution_options(synchronize_session=False)).all():
        db.session.execute(delete(Conversation).where(Conversation.id == conversation.id))
        for other in others:
            delete_state(other, "conversation", str(conversation.id))  # it contains the user's name
    for other in others:
        notifications.publish_request_count(other)
