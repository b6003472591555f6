"""Sealed messages: hidden copies of deleted or unsent messages, kept for some days so that they can be reported.

Members can't see the copies. Only app/moderation reads them, when a member reports the message.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import delete, select

from app.core.database import insert_into
from app.core.time import now
from app.extensions import db
from app.messages.actions.locking import lock
from app.messages.queries import images
from app.models import ConversationMember, Message, MessageImage, SealedMessage

BATCH = 500  # sealed messages per query


def seal(message: Message, kept_for: timedelta, *, readers: Sequence[int] | None = None) -> None:
    """Store a sealed copy of a message, with its text and the names of its image files, and keep it for `kept_for`.

    Do nothing if `kept_for` is zero. `readers` are the ids of the users who may report the message; None means every
    member. The caller must hold the conversation's lock, and must not have removed the text and the images yet.
    """
    if not kept_for:
        return
    images = select(MessageImage.file, MessageImage.alt).where(MessageImage.message_id == message.id)
    found = db.session.execute(images.order_by(MessageImage.position)).all()
    values = {
        "message_id": message.id,
        "body": message.body,
        "images": [{"file": image.file, "alt": image.alt} for image in found],
        "sealed_at": now(),
        "kept_until": now() + kept_for,
        "readers": list(readers) if readers is not None else None,
    }
    db.session.execute(insert_into(SealedMessage).values(**values).on_conflict_do_nothing())


def readers_of(message: Message) -> list[int]:
    """Return the ids of the other users who have read a message. The caller must have locked the memberships."""
    membership = ConversationMember
    here = (
        membership.conversation_id == message.conversation_id,
        membership.user_id.is_distinct_from(message.sender_id),
    )
    had_read = (membership.read_seq >= message.seq, membership.joined_seq < message.seq)
    return list(db.session.scalars(select(membership.user_id).where(*here, *had_read).order_by(membership.user_id)))


def expired() -> Sequence[tuple[int, int]]:
    """Return up to BATCH sealed messages that must now be deleted, as (conversation id, message id)."""
    over = (
        select(Message.conversation_id, Message.id)
        .join(SealedMessage, SealedMessage.message_id == Message.id)
        .where(SealedMessage.kept_until <= now())
        .order_by(Message.conversation_id, Message.id)
        .limit(BATCH)
    )
    return [(row[0], row[1]) for row in db.session.execute(over)]


def remove(conversation_id: int, message_ids: Sequence[int]) -> list[str]:
    """Delete sealed messages of one conversation. Return the image files that are no longer in use.

    The caller must delete these files after the commit. This function locks the conversation, so that no concurrent
    report copies a message whose files are about to be deleted.
    """
    lock(conversation_id)
    these = delete(SealedMessage).where(SealedMessage.message_id.in_(message_ids)).returning(SealedMessage.images)
    gone = db.session.scalars(these.execution_options(synchronize_session=False)).all()
    held = images.retained_files(conversation_id)
    return [image["file"] for images in gone for image in images if image["file"] not in held]
