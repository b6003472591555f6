"""Writing a message, to a person or to a group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select, update

from app.core.clock import now
from app.core.errors import ActionError
from app.core.i18n import _l
from app.core.validation import checked_body, send_key
from app.extensions import db
from app.messages import notifications, permission
from app.messages.actions import rate_limits
from app.messages.actions.images import Picture, attach, key_of
from app.messages.actions.locking import lock, lock_pair
from app.messages.search_words import words_of
from app.models import Conversation, ConversationMember, Message, User
from app.notifications import record_event


def send_message(
    sender: User,
    recipient: User,
    body: str,
    *,
    form_key: str | None = None,
    max_length: int = 2000,
    pictures: Sequence[Picture] = (),
    limited: bool = False,
) -> Message:
    """Write `body` to `recipient`: the message, their badge and their mail, in the caller's transaction.

    A form that is sent twice (same `form_key`) writes once and gives the first message back. To somebody who does not
    know the sender it goes as a request. Raises ActionError; with `limited` also when the sender writes too much.
    """
    if sender.id == recipient.id:
        raise ActionError(_l("You can't message yourself."))
    body = checked_words(body, max_length, pictures)
    conversation = lock_pair(sender, recipient)
    key = send_key(sender, body, key_of(form_key, pictures))
    if known := _known(key):
        return known
    terms = permission.relationship(sender, recipient, conversation.id)
    verdict = permission.decide(terms)
    if verdict.kind == "refused":
        raise ActionError(verdict.sentence)
    if limited:
        rate_limits.check(sender, conversation, waits=verdict.kind == "request")
    if conversation.newest_seq == 0:  # until now it held drafts at most
        conversation.started_by_id, conversation.started_at = sender.id, now()
    _accept(conversation, sender.id)
    if verdict.kind == "open":
        _accept(conversation, recipient.id)
    message = _append(conversation, sender, body, key, pictures)
    if verdict.kind == "request" and terms.state == "new":
        _membership(conversation, recipient.id, state="request")
        # On the Activity page, and nowhere else: a request has no badge and no mail.
        record_event(recipient.id, "message_request", str(conversation.id), actor=sender, known=True)
    notifications.notify_new_message(conversation.id, sender.id)
    return message


def send_to_group(
    sender: User,
    conversation_id: int,
    body: str,
    *,
    form_key: str | None = None,
    max_length: int = 2000,
    pictures: Sequence[Picture] = (),
    limited: bool = False,
) -> Message:
    """Write `body` to everybody in a group, as `send_message` does. Raises ActionError, also for who is not in it."""
    body = checked_words(body, max_length, pictures)
    conversation = lock(conversation_id)
    key = send_key(sender, body, key_of(form_key, pictures))
    if known := _known(key):
        return known
    mine = db.session.get(ConversationMember, (conversation.id, sender.id), populate_existing=True)
    if mine is None or mine.state == "left" or not conversation.is_group:
        raise ActionError(_l("You're not in this conversation."))
    if limited:
        rate_limits.check(sender, conversation, waits=False)
    message = _append(conversation, sender, body, key, pictures)
    _accept(conversation, sender.id)
    notifications.notify_new_message(conversation.id, sender.id)
    return message


def append_event(conversation: Conversation, actor: User, kind: str, args: dict[str, Any]) -> Message:
    """Note an event of a group among its messages; the conversation is locked. It counts in no badge."""
    return _store(conversation, actor, kind=kind, args=args, body="")


def checked_words(body: str, max_length: int, pictures: Sequence[object]) -> str:
    """The words of a message as they are stored; beside a picture there need be none. Raises ActionError."""
    return "" if pictures and not body.strip() else checked_body(body, max_length)


def _known(key: str | None) -> Message | None:
    return db.session.scalar(select(Message).where(Message.form_key == key)) if key else None


def _append(
    conversation: Conversation, sender: User, body: str, key: str | None, pictures: Sequence[Picture]
) -> Message:
    words = words_of(body, notifications.member_ids(conversation.id))
    message = _store(conversation, sender, body=body, form_key=key, search_text=words)
    attach(message, pictures)
    others = ConversationMember.user_id != sender.id
    here = ConversationMember.conversation_id == conversation.id
    db.session.execute(update(ConversationMember).where(here, others).values(newest_seq=message.seq))
    _membership(conversation, sender.id, draft="")
    return message


def _store(conversation: Conversation, sender: User, **values: Any) -> Message:
    conversation.newest_seq += 1
    message = Message(conversation_id=conversation.id, seq=conversation.newest_seq, sender_id=sender.id, **values)
    db.session.add(message)
    db.session.flush()
    membership = ConversationMember
    inside = update(membership).where(membership.conversation_id == conversation.id, membership.state != "left")
    db.session.execute(inside.values(newest_message_id=message.id))
    return message


def _accept(conversation: Conversation, user_id: int) -> None:
    """Writing is accepting. When a request was waiting there, it is none now: its messages count."""
    membership = ConversationMember
    waiting = update(membership).where(
        membership.conversation_id == conversation.id, membership.user_id == user_id, membership.state != "accepted"
    )
    others_wrote = db.session.scalar(waiting.values(state="accepted").returning(membership.newest_seq))
    if others_wrote:
        notifications.publish_unread_count(user_id)
        notifications.publish_request_count(user_id)


def _membership(conversation: Conversation, user_id: int, **values: Any) -> None:
    membership = ConversationMember
    mine = update(membership).where(membership.conversation_id == conversation.id, membership.user_id == user_id)
    db.session.execute(mine.values(**values))
