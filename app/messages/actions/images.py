"""Add images to a message and remove them.

These functions change only database rows. The image files are stored and deleted by app/messages/image_storage.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select

from app.core.exceptions import ActionError
from app.core.i18n import _l, _ln
from app.extensions import db
from app.jobs import enqueue
from app.lib.text.length import fits
from app.lib.text.rich import InvalidText, clean, is_blank
from app.messages.queries import images as reads
from app.models import Message, MessageImage

THUMBNAILS_JOB = "messages.thumbnails"
MAX_IMAGES = 4  # per message
ALT_MAX_LENGTH = 1_000  # characters, as a reader counts them


@dataclass(frozen=True)
class Picture:
    """An uploaded image, checked and stored by app/messages/image_storage.py, with its alt text."""

    file: str
    alt: str
    width: int  # pixels
    height: int
    digest: str = ""  # hash of the upload; part of the form key, see `form_key_with_images`


def checked_alt(alt: str) -> str:
    """Return an image's alt text as it is stored: on one line, or "" if it is blank.

    Raises ActionError if the text is too long or contains unsupported characters.
    """
    try:
        alt = " ".join(clean(alt).split())
    except InvalidText:
        raise ActionError(_l("Your text contains characters that aren't supported. Please remove them.")) from None
    if not fits(alt, ALT_MAX_LENGTH):
        raise ActionError(
            _ln(
                "This description is too long. The limit is %(num)s character.",
                "This description is too long. The limit is %(num)s characters.",
                ALT_MAX_LENGTH,
            )
        )
    return "" if is_blank(alt) else alt


def attach(message: Message, pictures: Sequence[Picture]) -> None:
    """Add images to a new message, and enqueue the job that makes their thumbnails."""
    for position, one in enumerate(pictures):
        size = {"width": one.width, "height": one.height}
        image = MessageImage(message_id=message.id, position=position, file=one.file, thumbnail="", alt=one.alt, **size)
        db.session.add(image)
    if pictures:
        enqueue(THUMBNAILS_JOB, message_id=message.id)


def form_key_with_images(form_key: str | None, pictures: Sequence[Picture]) -> str | None:
    """Return a form key that also identifies the images of the message.

    A form that is submitted twice with the same key sends one message. If the images have changed, the key differs, so
    the form sends a new message.
    """
    if not form_key or not pictures:
        return form_key
    return "\n".join([form_key, *(f"{one.digest} {one.alt}" for one in pictures)])


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
