"""Sealing: what a deleted message said is kept for a while, so that someone who read it can still report it.

Only app/moderation reads it, to make a report. Everywhere else the message is deleted.
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

BATCH = 500  # sealed messages of one transaction


def seal(message: Message, kept_for: timedelta, *, readers: Sequence[int] | None = None) -> None:
    """Keep what `message` says, and the names of its pictures' files, for `kept_for`; zero keeps nothing.

    Call it before its text and pictures are removed. The conversation is locked. `readers` as in SealedMessage.
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
    """Return the ids of those to whom a message was shown before its sender took it back. The memberships are
    locked.
    """
    membership = ConversationMember
    here = (
        membership.conversation_id == message.conversation_id,
        membership.user_id.is_distinct_from(message.sender_id),
    )
    had_read = (membership.read_seq >= message.seq, membership.joined_seq < message.seq)
    return list(db.session.scalars(select(membership.user_id).where(*here, *had_read).order_by(membership.user_id)))


def expired() -> Sequence[tuple[int, int]]:
    """Return (conversation id, message id) of some of the sealed messages whose time is over."""
    over = (
        select(Message.conversation_id, Message.id)
        .join(SealedMessage, SealedMessage.message_id == Message.id)
        .where(SealedMessage.kept_until <= now())
        .order_by(Message.conversation_id, Message.id)
        .limit(BATCH)
    )
    return [(row[0], row[1]) for row in db.session.execute(over)]


def remove(conversation_id: int, message_ids: Sequence[int]) -> list[str]:
    """Remove sealed messages of one conversation for good.

    Return the files that nothing names any more; the caller removes them after the commit. The lock keeps a report that
    is being made from copying a message whose files are about to go.
    """
    lock(conversation_id)
    these = delete(SealedMessage).where(SealedMessage.message_id.in_(message_ids)).returning(SealedMessage.images)
    gone = db.session.scalars(these.execution_options(synchronize_session=False)).all()
    held = images.held(conversation_id)
    return [image["file"] for images in gone for image in images if image["file"] not in held]
