"""One person's side of a conversation: answering a request, muting, and what they are writing."""

from __future__ import annotations

from sqlalchemy import exists, update
from sqlalchemy.orm import aliased

from app.extensions import db
from app.messages.actions.locking import lock_pair
from app.messages.queries.threads import Opened
from app.models import ConversationMember, Message, User

DRAFT_MAX_LENGTH = 20_000  # characters: longer than any message, so that a text that is too long is kept, too


def save_draft(user: User, opened: Opened, text: str, *, own_seq: int) -> bool:
    """Keep what somebody is writing; False when they sent a message after number `own_seq`, the newest of theirs that
    the page knew: what it then saves may be what they have sent.
    """
    conversation = opened.conversation
    if conversation is None:
        if not text or opened.other is None:
            return False
        conversation = lock_pair(user, opened.other)
    later, side = aliased(Message), ConversationMember
    sent = exists().where(
        later.conversation_id == side.conversation_id, later.sender_id == user.id, later.seq > own_seq
    )
    this = (side.conversation_id == conversation.id, side.user_id == user.id, side.draft != text, ~sent)
    keep = update(side).where(*this).values(draft=text[:DRAFT_MAX_LENGTH]).returning(side.user_id)
    return db.session.scalar(keep) is not None
