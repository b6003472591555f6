"""Rate limits on the messages of a user, stricter for new accounts. Messages are counted in the database."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import func, select

from app.core.exceptions import ActionError
from app.core.i18n import _l
from app.core.time import now
from app.extensions import db
from app.models import Conversation, Message, User

NEW_FOR = timedelta(days=7)  # how long an account counts as new
UNANSWERED = 3  # maximum number of messages in a message request before it is answered
DRAFTS = 100  # maximum number of conversations that a user started and that contain only drafts


class Limits(NamedTuple):
    """How many messages a user may send, and how many new conversations they may start."""

    a_minute: int  # messages
    a_day: int  # messages
    strangers_a_day: int  # new conversations


KNOWN = Limits(a_minute=30, a_day=500, strangers_a_day=30)
NEW = Limits(a_minute=10, a_day=100, strangers_a_day=8)


def limits_of(sender: User) -> Limits:
    """Return the sender's limits, which are lower for a new account."""
    return NEW if sender.created_at > now() - NEW_FOR else KNOWN


def check(sender: User, conversation: Conversation, *, waits: bool) -> None:
    """Raise ActionError if the sender is over a limit.

    `waits` means that the conversation is a message request that the recipient has not answered.
    """
    limits = limits_of(sender)
    if waits and _sent_in(sender, conversation) >= UNANSWERED:
        raise ActionError(_l("Please wait for a reply before sending more. Your text is still here."))
    if conversation.newest_seq == 0 and _begun(sender) >= limits.strangers_a_day:
        raise ActionError(_l("You've reached today's limit for new conversations. Your text is still here."))
    if _sent(sender, timedelta(minutes=1)) >= limits.a_minute:
        raise ActionError(_l("You're sending messages too fast. Please wait a minute. Your text is still here."))
    if _sent(sender, timedelta(days=1)) >= limits.a_day:
        raise ActionError(_l("You've reached today's message limit. Your text is still here."))


def may_begin_draft(writer: User) -> bool:
    """Return whether the writer has fewer than DRAFTS conversations that contain only drafts."""
    empty = (Conversation.started_by_id == writer.id, Conversation.newest_seq == 0)
    return (db.session.scalar(select(func.count()).select_from(Conversation).where(*empty)) or 0) < DRAFTS


def _sent(sender: User, within: timedelta) -> int:
    # Unsent messages and changes of a group's name count too.
    counted = Message.kind.in_(("text", "undone", "named"))
    recent = (Message.sender_id == sender.id, Message.created_at > now() - within, counted)
    return db.session.scalar(select(func.count()).select_from(Message).where(*recent)) or 0


def _sent_in(sender: User, conversation: Conversation) -> int:
    # Unsent messages do not count.
    here = (Message.conversation_id == conversation.id, Message.sender_id == sender.id, Message.kind != "undone")
    return db.session.scalar(select(func.count()).select_from(Message).where(*here)) or 0


def _begun(sender: User) -> int:
    """Count the conversations that the sender started in the last day. Conversations with only drafts don't count."""
    recent = (Conversation.started_by_id == sender.id, Conversation.started_at > now() - timedelta(days=1))
    query = select(func.count()).select_from(Conversation).where(*recent, Conversation.newest_seq > 0)
    return db.session.scalar(query) or 0
