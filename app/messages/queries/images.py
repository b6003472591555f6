"""Queries for message images: who may fetch an image, which files are in use."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import or_, select

from app.extensions import db
from app.messages.queries.conversations import ACTIVE_STATES
from app.models import ConversationMember, Message, MessageImage, Report, ReportedMessage, SealedMessage, User
from app.queries import visibility

BATCH_SIZE = 500  # names per query


def visible(viewer: User, image_id: int) -> MessageImage | None:
    """Return the image with this id, or None if the viewer can't currently see its message. Runs one query."""
    membership = ConversationMember
    query = (
        select(MessageImage)
        .join(Message, Message.id == MessageImage.message_id)
        .join(membership, membership.conversation_id == Message.conversation_id)
        .where(MessageImage.id == image_id, membership.user_id == viewer.id, membership.state.in_(ACTIVE_STATES))
        .where(Message.deleted_at.is_(None), visibility.message_is_shown(membership))
    )
    return db.session.scalar(query)


def retained_files(conversation_id: int) -> set[str]:
    """Return the names of a conversation's image files that sealed messages or reports use."""
    reported = select(ReportedMessage.images).join(Report, Report.id == ReportedMessage.report_id)
    sealed = select(SealedMessage.images).join(Message, Message.id == SealedMessage.message_id)
    return _names(db.session.scalars(reported.where(Report.conversation_id == conversation_id))) | _names(
        db.session.scalars(sealed.where(Message.conversation_id == conversation_id))
    )


def files_in_use(files: Sequence[str]) -> set[str]:
    """Return the names of image files in use: all of those in `files`, and possibly others.

    A file is in use by a message, by the evidence of a report, or by a sealed message.
    """
    found: set[str] = set()
    for first in range(0, len(files), BATCH_SIZE):
        some = files[first : first + BATCH_SIZE]
        shown = or_(MessageImage.file.in_(some), MessageImage.thumbnail.in_(some))
        for row in db.session.execute(select(MessageImage.file, MessageImage.thumbnail).where(shown)):
            found.update(row)
    for kept in (ReportedMessage.images, SealedMessage.images):
        found |= _names(db.session.scalars(select(kept).execution_options(yield_per=BATCH_SIZE)))
    return found


def _names(evidence: Iterable[Sequence[dict[str, str]]]) -> set[str]:
    return {image["file"] for images in evidence for image in images}
