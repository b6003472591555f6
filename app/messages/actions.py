"""Writing to each other, and reading. The only writers of conversations and messages."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, update

from app.body_text import checked_body, send_key
from app.database import insert_into
from app.errors import Refused
from app.extensions import db
from app.i18n import _l
from app.models import Conversation, ConversationMember, Message, User
from app.notify import delivery, notify
from app.queries import unread


def send_message(
    sender: User, recipient: User, body: str, *, form_key: str | None = None, max_length: int = 2000
) -> Message:
    """Write `body` to `recipient`: the message, their badge and their mail, in the caller's transaction.

    A form that is sent twice (same `form_key`) writes once and gives the first message back. Raises Refused.
    """
    if sender.id == recipient.id:
        raise Refused(_l("You cannot write to yourself."))
    body = checked_body(body, max_length)
    conversation = _lock_conversation(sender, recipient)
    key = send_key(sender, body, form_key)
    if key and (known := db.session.scalar(select(Message).where(Message.form_key == key))):
        return known
    conversation.newest_seq += 1
    message = Message(
        conversation_id=conversation.id,
        seq=conversation.newest_seq,
        sender_id=sender.id,
        body=body,
        form_key=key,
    )
    db.session.add(message)
    db.session.flush()
    _advance_members(message, recipient)
    _tell(message, sender, recipient)
    return message


def mark_read(user: User, conversation: Conversation, seq: int) -> bool:
    """Record that every message up to number `seq` was rendered to `user`; True when that is news.

    Moves forward only, and never beyond the newest message.
    """
    moved = db.session.scalar(
        update(ConversationMember)
        .where(
            ConversationMember.conversation_id == conversation.id,
            ConversationMember.user_id == user.id,
            ConversationMember.read_seq < min(seq, conversation.newest_seq),
        )
        .values(read_seq=min(seq, conversation.newest_seq))
        .returning(ConversationMember.user_id)
    )
    if moved is None:
        return False
    notify(user.id, "unread_message_count", lambda: unread.message_count(user.id))
    return True


def _lock_conversation(one: User, other: User) -> Conversation:
    """The conversation of two people, made if need be, locked until the commit: its messages are numbered in order."""
    low, high = sorted([one.id, other.id])
    pair_key = f"{low}:{high}"
    found = select(Conversation).where(Conversation.pair_key == pair_key).with_for_update()
    conversation = db.session.scalar(found.execution_options(populate_existing=True))
    if conversation is not None:
        return conversation
    db.session.execute(_insert_once(Conversation, pair_key=pair_key, newest_seq=0))
    conversation = db.session.scalars(found.execution_options(populate_existing=True)).one()
    zero = {"newest_seq": 0, "newest_message_id": 0, "read_seq": 0, "mailed_seq": 0}
    for user_id in (low, high):
        member = {"conversation_id": conversation.id, "user_id": user_id}
        db.session.execute(_insert_once(ConversationMember, **member, **zero))
    return conversation


def _insert_once(table: Any, **values: Any) -> Any:
    return insert_into(table).values(**values).on_conflict_do_nothing()


def _advance_members(message: Message, recipient: User) -> None:
    members = update(ConversationMember).where(ConversationMember.conversation_id == message.conversation_id)
    db.session.execute(members.values(newest_message_id=message.id))
    db.session.execute(members.where(ConversationMember.user_id == recipient.id).values(newest_seq=message.seq))


def _tell(message: Message, sender: User, recipient: User) -> None:
    subject = str(message.conversation_id)
    notify(recipient.id, "unread_message_count", lambda: unread.message_count(recipient.id))
    for person, other in ((recipient, sender), (sender, recipient)):
        state = {"with": other.username, "last_message_id": message.id}
        notify(person.id, "conversation", state, subject=subject)
    delivery.order(recipient.id, "message")
