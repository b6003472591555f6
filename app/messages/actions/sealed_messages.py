"""Sealed messages: copies of deleted content, kept for a while so that a reader can still report it.

Only app/moderation reads them, to make a report. Everywhere else the message is deleted.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import delete, select

from app.core.clock import now
from app.core.database import insert_into
from app.extensions import db
from app.messages.actions.locking import lock
from app.messages.queries import images
from app.models import ConversationMember, Message, MessageImage, SealedMessage

BATCH = 500  # sealed messages per query


def seal(message: Message, kept_for: timedelta, *, readers: Sequence[int] | None = None) -> None:
    """Keep the message's text and the names of its image files for `kept_for`; zero keeps nothing.

    Call it before the text and images are removed, under the conversation's lock. `readers` is as in SealedMessage.
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
    """Return the ids of the users who read a message before it was unsent. The caller has locked the memberships."""
    membership = ConversationMember
    here = (
        membership.conversation_id == message.conversation_id,
        membership.user_id.is_distinct_from(message.sender_id),
    )
    had_read = (membership.read_seq >= message.seq, membership.joined_seq < message.seq)
    return list(db.session.scalars(select(membership.user_id).where(*here, *had_read).order_by(membership.user_id)))


def expired() -> Sequence[tuple[int, int]]:
    """Return (conversation id, message id) of a batch of expired sealed messages."""
    over = (
        select(Message.conversation_id, Message.id)
        .join(SealedMessage, SealedMessage.message_id == Message.id)
        .where(SealedMessage.kept_until <= now())
        .order_by(Message.conversation_id, Message.id)
        .limit(BATCH)
    )
    return [(row[0], row[1]) for row in db.session.execute(over)]


def remove(conversation_id: int, message_ids: Sequence[int]) -> list[str]:
    """Delete sealed messages of one conversation.

    Returns the files no longer in use, which the caller removes after the commit. The lock prevents a concurrent report
    from copying a message whose files are about to be removed.
    """
    lock(conversation_id)
    these = delete(SealedMessage).where(SealedMessage.message_id.in_(message_ids)).returning(SealedMessage.images)
    gone = db.session.scalars(these.execution_options(synchronize_session=False)).all()
    held = images.held(conversation_id)
    return [image["file"] for images in gone for image in images if image["file"] not in held]
