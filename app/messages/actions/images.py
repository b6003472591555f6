"""Add images to a message and remove them.

These functions change only database rows. The image files are stored and deleted by app/web/attached_images.py.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, select

from app.core.images import Picture
from app.extensions import db
from app.jobs import enqueue
from app.messages.queries import images as reads
from app.models import Message, MessageImage

THUMBNAILS_JOB = "messages.thumbnails"


def attach(message: Message, pictures: Sequence[Picture]) -> None:
    """Add images to a new message, and enqueue the job that makes their thumbnails."""
    for position, one in enumerate(pictures):
        size = {"width": one.width, "height": one.height}
        image = MessageImage(message_id=message.id, position=position, file=one.file, thumbnail="", alt=one.alt, **size)
        db.session.add(image)
    if pictures:
        enqueue(THUMBNAILS_JOB, message_id=message.id)


def detach(message: Message) -> list[str]:
    """Delete the image rows of a message. Return the names of the image files that are no longer in use.

    Files that a report or a sealed message uses are not returned. The caller must hold the conversation's lock, and
    must delete the returned files after the commit.
    """
    of_message = MessageImage.message_id == message.id
    rows = db.session.execute(select(MessageImage.file, MessageImage.thumbnail).where(of_message)).all()
    if not rows:
        return []
    db.session.execute(delete(MessageImage).where(of_message).execution_options(synchronize_session=False))
    held = reads.retained_files(message.conversation_id)
    return [name for row in rows for name in row if name and name not in held]
