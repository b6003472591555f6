"""Recalculate cached values of conversations and memberships, such as the sequence number of the newest message.

This is done for a conversation after a message was removed, and daily for all conversations.
"""

from __future__ import annotations

from collections.abc import Iterator

from flask import current_app
from sqlalchemy import ScalarSelect, exists, func, select, update

from app.core.database import end_read_transaction, write_transaction
from app.extensions import db
from app.messages import notifications
from app.models import Conversation, ConversationMember, MemberState, Message
from app.queries import visibility

BATCH = 500  # conversations per statement
STORED = (Conversation.newest_seq, ConversationMember.newest_seq, ConversationMember.newest_message_id)


def recount() -> dict[str, int]:
    """Compare the cached values of every conversation with its messages, and correct the wrong values.

    Returns `{"checked": number of values, "drift": number of wrong values}`. Locks one conversation at a time.
    """
    checked = drift = 0
    for conversation_id, user_id, fits in _members():
        checked += len(STORED)
        if not fits:
            drift += _repair(conversation_id, user_id)
    return {"checked": checked, "drift": drift}


def _correct_values() -> tuple[ScalarSelect[int], ScalarSelect[int], ScalarSelect[int]]:
    """Return subqueries for the correct values of the columns in STORED, in the same order as STORED."""
    here = Message.conversation_id == ConversationMember.conversation_id
    everything = select(func.max(Message.seq)).where(here).correlate(ConversationMember).scalar_subquery()
    return everything, newest_from_others(), newest_visible()


def _members() -> Iterator[tuple[int, int, bool]]:
    """Yield (conversation id, user id, whether the cached values are correct) for every member, without locking."""
    last = 0
    while True:
        some = select(Conversation.id).where(Conversation.id > last).order_by(Conversation.id).limit(BATCH)
        ids = db.session.scalars(some).all()
        rows = db.session.execute(
            select(ConversationMember.conversation_id, ConversationMember.user_id, *STORED, *_correct_values())
            .join(Conversation, Conversation.id == ConversationMember.conversation_id)
            .where(ConversationMember.conversation_id.in_(ids))
            .order_by(ConversationMember.conversation_id, ConversationMember.user_id)
        ).all()
        end_read_transaction()  # so that the next batch sees writes made meanwhile
        for conversation_id, user_id, *numbers in rows:
            yield conversation_id, user_id, numbers[:3] == [number or 0 for number in numbers[3:]]
        if len(ids) < BATCH:
            return
        last = ids[-1]


def _repair(conversation_id: int, user_id: int) -> int:
    """Correct a member's cached values under the conversation's lock. Return how many were wrong."""
    with write_transaction():
        locked = select(Conversation).where(Conversation.id == conversation_id).with_for_update()
        conversation = db.session.scalar(locked.execution_options(populate_existing=True))
        member = db.session.get(ConversationMember, (conversation_id, user_id), populate_existing=True)
        if conversation is None or member is None:
            return 0
        stored = [conversation.newest_seq, member.newest_seq, member.newest_message_id]
        this = (ConversationMember.conversation_id == conversation_id, ConversationMember.user_id == user_id)
        truth = [number or 0 for number in db.session.execute(select(*_correct_values()).where(*this)).one()]
        wrong = sum(number != true for number, true in zip(stored, truth, strict=True))
        if not wrong:
            return 0
        conversation.newest_seq, member.newest_seq, member.newest_message_id = truth
        notifications.publish_unread_count(user_id)
        notifications.publish_request_count(user_id)
    current_app.logger.error(
        "recount: conversation %d of person %d was %s, is %s", conversation_id, user_id, stored, truth
    )
    return wrong


def newest_from_others() -> ScalarSelect[int]:
    """Return a subquery for the correct value of `ConversationMember.newest_seq`.

    This is the sequence number of the newest message by another user, or 0.
    """
    here = (Message.conversation_id == ConversationMember.conversation_id, Message.kind == "text")
    theirs = Message.sender_id.is_distinct_from(ConversationMember.user_id)
    newest = select(func.coalesce(func.max(Message.seq), 0)).where(*here, theirs)
    return newest.correlate(ConversationMember).scalar_subquery()


def newest_visible() -> ScalarSelect[int]:
    """Return a subquery for the correct value of `ConversationMember.newest_message_id`.

    This is the id of the newest message that the member can see, or NULL.
    """
    newest = (
        select(Message.id).where(visibility.message_is_shown(ConversationMember)).order_by(Message.seq.desc()).limit(1)
    )
    return newest.correlate(ConversationMember).scalar_subquery()


def update_counters(conversation_id: int, user_id: int | None = None) -> None:
    """Recalculate `newest_seq` and `newest_message_id` of all members of a conversation, or of one member."""
    db.session.flush()
    these = update(ConversationMember).where(ConversationMember.conversation_id == conversation_id)
    if user_id is not None:
        these = these.where(ConversationMember.user_id == user_id)
    numbers = {"newest_seq": newest_from_others(), "newest_message_id": func.coalesce(newest_visible(), 0)}
    db.session.execute(these.values(**numbers).execution_options(synchronize_session=False))


def reset_if_empty(conversation: Conversation) -> bool:
    """Reset the members of a two-person conversation to the state "new" if all its messages were unsent.

    Return whether a member was reset. A member who declined the message request stays "declined", so that they don't
    get another request.
    """
    some = exists().where(Message.conversation_id == conversation.id, Message.kind != "undone")
    this = (
        ConversationMember.conversation_id == conversation.id,
        ConversationMember.state != MemberState.DECLINED,
        ~some,
    )
    if conversation.is_group:
        return False
    anew = update(ConversationMember).where(*this).values(state=MemberState.NEW).returning(ConversationMember.user_id)
    return bool(db.session.scalars(anew.execution_options(synchronize_session=False)).all())
