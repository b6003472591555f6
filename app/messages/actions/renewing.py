"""The numbers kept beside the messages, made to fit them when one goes. The conversation is locked."""

from __future__ import annotations

from sqlalchemy import exists, func, update

from app.extensions import db
from app.messages.queries import newest
from app.models import Conversation, ConversationMember, Message

SIDE = ConversationMember


def renew(conversation_id: int, user_id: int | None = None) -> None:
    """Make `newest_seq` and `newest_message_id` of every side, or of one person's, what they should be."""
    db.session.flush()
    these = update(SIDE).where(SIDE.conversation_id == conversation_id)
    if user_id is not None:
        these = these.where(SIDE.user_id == user_id)
    numbers = {"newest_seq": newest.from_others(), "newest_message_id": func.coalesce(newest.shown(), 0)}
    db.session.execute(these.values(**numbers).execution_options(synchronize_session=False))


def forget_beginning(conversation: Conversation) -> bool:
    """When two people have taken back all they wrote, neither has written to the other; whether that is so.

    Who has declined meanwhile is not asked again.
    """
    some = exists().where(Message.conversation_id == conversation.id, Message.kind != "undone")
    this = (SIDE.conversation_id == conversation.id, SIDE.state != "declined", ~some)
    if conversation.is_group:
        return False
    anew = update(SIDE).where(*this).values(state="new").returning(SIDE.user_id)
    return bool(db.session.scalars(anew.execution_options(synchronize_session=False)).all())
