"""Counting conversations anew: the newest numbers that are kept beside the messages, and should always fit them."""

from __future__ import annotations

from collections.abc import Iterator

from flask import current_app
from sqlalchemy import ScalarSelect, func, select

from app.core.database import end_reading, writing
from app.extensions import db
from app.messages import telling
from app.messages.queries import newest
from app.models import Conversation, ConversationMember, Message

BATCH = 500  # conversations one statement looks at
STORED = (Conversation.newest_seq, ConversationMember.newest_seq, ConversationMember.newest_message_id)


def recount() -> dict[str, int]:
    """Compare the stored numbers of every conversation with its messages, and put right what differs.

    `{"checked": numbers looked at, "drift": numbers that were wrong}`. Holds one conversation at a time.
    """
    checked = drift = 0
    for conversation_id, user_id, fits in _members():
        checked += len(STORED)
        if not fits:
            drift += _repair(conversation_id, user_id)
    return {"checked": checked, "drift": drift}


def _truths() -> tuple[ScalarSelect[int], ScalarSelect[int], ScalarSelect[int]]:
    """What the numbers of STORED should be."""
    here = Message.conversation_id == ConversationMember.conversation_id
    everything = select(func.max(Message.seq)).where(here).correlate(ConversationMember).scalar_subquery()
    return everything, newest.from_others(), newest.shown()


def _members() -> Iterator[tuple[int, int, bool]]:
    """(conversation, person, whether the numbers fit) of every member; read without a lock."""
    last = 0
    while True:
        some = select(Conversation.id).where(Conversation.id > last).order_by(Conversation.id).limit(BATCH)
        ids = db.session.scalars(some).all()
        rows = db.session.execute(
            select(ConversationMember.conversation_id, ConversationMember.user_id, *STORED, *_truths())
            .join(Conversation, Conversation.id == ConversationMember.conversation_id)
            .where(ConversationMember.conversation_id.in_(ids))
            .order_by(ConversationMember.conversation_id, ConversationMember.user_id)
        ).all()
        end_reading()  # the next batch sees what was written meanwhile
        for conversation_id, user_id, *numbers in rows:
            yield conversation_id, user_id, numbers[:3] == [number or 0 for number in numbers[3:]]
        if len(ids) < BATCH:
            return
        last = ids[-1]


def _repair(conversation_id: int, user_id: int) -> int:
    """Look again under the conversation's lock, and put the numbers right; how many were indeed wrong."""
    with writing():
        locked = select(Conversation).where(Conversation.id == conversation_id).with_for_update()
        conversation = db.session.scalar(locked.execution_options(populate_existing=True))
        member = db.session.get(ConversationMember, (conversation_id, user_id), populate_existing=True)
        if conversation is None or member is None:
            return 0
        stored = [conversation.newest_seq, member.newest_seq, member.newest_message_id]
        this = (ConversationMember.conversation_id == conversation_id, ConversationMember.user_id == user_id)
        truth = [number or 0 for number in db.session.execute(select(*_truths()).where(*this)).one()]
        wrong = sum(number != true for number, true in zip(stored, truth, strict=True))
        if not wrong:
            return 0
        conversation.newest_seq, member.newest_seq, member.newest_message_id = truth
        telling.count_moved(user_id)
        telling.requests_moved(user_id)
    current_app.logger.error(
        "recount: conversation %d of person %d was %s, is %s", conversation_id, user_id, stored, truth
    )
    return wrong
