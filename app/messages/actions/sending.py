"""Send messages to a person or a group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update

from app.core.exceptions import ActionError
from app.core.i18n import _l
from app.core.time import now
from app.core.validation import checked_body, send_key
from app.extensions import db
from app.messages import notifications, permission
from app.messages.actions import rate_limits
from app.messages.actions.images import Picture, attach, form_key_with_images
from app.messages.actions.locking import lock, lock_pair
from app.messages.search_words import words_of
from app.models import Conversation, ConversationMember, MemberState, Message, User
from app.notifications import record_event


@dataclass(frozen=True)
class SendOptions:
    """What comes with a message besides its text, and the limits to check."""

    form_key: str | None = None  # a form that is submitted twice sends one message
    pictures: Sequence[Picture] = ()
    max_length: int = 2000
    limited: bool = False  # whether the rate limits apply


DEFAULT_OPTIONS = SendOptions()


def send_message(
    sender: User,
    recipient: User,
    body: str,
    options: SendOptions = DEFAULT_OPTIONS,
) -> Message:
    """Send `body` to `recipient`, update their badge, and schedule email and push, all in the caller's transaction.

    Submitting a form twice (same `form_key` and content) sends one message and returns it both times. A recipient who
    neither follows the sender nor has accepted the conversation gets a message request.

    Raises ActionError if the text is invalid or the sender can't message the recipient. With `limited`, also raises it
    if the sender is over a rate limit.
    """
    if sender.id == recipient.id:
        raise ActionError(_l("You can't message yourself."))
    body = checked_text(body, options.max_length, options.pictures)
    conversation = lock_pair(sender, recipient)
    key = send_key(sender, body, form_key_with_images(options.form_key, options.pictures))
    if known := _already_sent(key):
        return known
    facts = permission.relationship(sender, recipient, conversation.id)
    verdict = permission.decide(facts)
    if verdict.kind == "refused":
        raise ActionError(verdict.sentence)
    if options.limited:
        rate_limits.check(sender, conversation, waits=verdict.kind == "request")
    if conversation.newest_seq == 0:  # until now it contained at most drafts
        conversation.started_by_id, conversation.started_at = sender.id, now()
    _accept(conversation, sender.id)
    if verdict.kind == "allowed":
        _accept(conversation, recipient.id)
    message = _append(conversation, sender, body, key, options.pictures)
    if verdict.kind == "request" and facts.state == MemberState.NEW:
        _membership(conversation, recipient.id, state=MemberState.REQUEST)
        # Only on the Activity page: a request has no badge and no email.
        record_event(recipient.id, "message_request", str(conversation.id), actor=sender, known=True)
    notifications.notify_new_message(conversation.id, sender.id)
    return message


def send_to_group(
    sender: User,
    conversation_id: int,
    body: str,
    options: SendOptions = DEFAULT_OPTIONS,
) -> Message:
    """Send `body` to a group. The arguments are those of `send_message`.

    Raises ActionError if the text is invalid or the sender is not a member. With `limited`, also raises it if the
    sender is over a rate limit.
    """
    body = checked_text(body, options.max_length, options.pictures)
    conversation = lock(conversation_id)
    key = send_key(sender, body, form_key_with_images(options.form_key, options.pictures))
    if known := _already_sent(key):
        return known
    mine = db.session.get(ConversationMember, (conversation.id, sender.id), populate_existing=True)
    if mine is None or mine.state == MemberState.LEFT or not conversation.is_group:
        raise ActionError(_l("You're not in this conversation."))
    if options.limited:
        rate_limits.check(sender, conversation, waits=False)
    message = _append(conversation, sender, body, key, options.pictures)
    _accept(conversation, sender.id)
    notifications.notify_new_message(conversation.id, sender.id)
    return message


def append_event(conversation: Conversation, actor: User, kind: str, args: dict[str, Any]) -> Message:
    """Add an event, such as a new name, to a group's messages. It doesn't count as unread.

    The caller must hold the conversation's lock.
    """
    return _store(conversation, actor, kind=kind, args=args, body="")


def checked_text(body: str, max_length: int, pictures: Sequence[object]) -> str:
    """Return a message's text normalised for storage. With images, it may be empty.

    Raises ActionError if it is empty without images, too long, or contains unsupported characters.
    """
    return "" if pictures and not body.strip() else checked_body(body, max_length)


def _already_sent(key: str | None) -> Message | None:
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
    inside = update(membership).where(
        membership.conversation_id == conversation.id, membership.state != MemberState.LEFT
    )
    db.session.execute(inside.values(newest_message_id=message.id))
    return message


def _accept(conversation: Conversation, user_id: int) -> None:
    """Set a user's membership to "accepted". If it was a pending request, its messages now count as unread."""
    membership = ConversationMember
    waiting = update(membership).where(
        membership.conversation_id == conversation.id,
        membership.user_id == user_id,
        membership.state != MemberState.ACCEPTED,
    )
    others_wrote = db.session.scalar(waiting.values(state=MemberState.ACCEPTED).returning(membership.newest_seq))
    if others_wrote:
        notifications.publish_unread_count(user_id)
        notifications.publish_request_count(user_id)


def _membership(conversation: Conversation, user_id: int, **values: Any) -> None:
    membership = ConversationMember
    mine = update(membership).where(membership.conversation_id == conversation.id, membership.user_id == user_id)
    db.session.execute(mine.values(**values))
