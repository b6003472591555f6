"""The pictures of a message: rows for files that are stored already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select

from app.core.errors import ActionError
from app.core.i18n import _l, _ln
from app.extensions import db
from app.jobs import enqueue
from app.lib.text.length import fits
from app.lib.text.rich import InvalidText, clean, is_blank
from app.messages.queries import images as reads
from app.models import Message, MessageImage

THUMBNAILS_JOB = "messages.thumbnails"
MAX_IMAGES = 4  # pictures in one message
ALT_MAX_LENGTH = 1_000  # characters of a description, as the reader counts them


@dataclass(frozen=True)
class Picture:
    """A checked picture in the store (app/messages/image_storage.py), and what it shows in words."""

    file: str
    alt: str
    width: int  # pixels
    height: int
    digest: str = ""  # of what was uploaded: the same form with another picture is another message


def checked_alt(alt: str) -> str:
    """What a picture shows, as it is stored: one line, "" when nobody said it. Raises ActionError."""
    try:
        alt = " ".join(clean(alt).split())
    except InvalidText:
        raise ActionError(_l("Your text contains unsupported characters.")) from None
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
    """Give a new message its pictures, and order their thumbnails."""
    for position, one in enumerate(pictures):
        size = {"width": one.width, "height": one.height}
        image = MessageImage(message_id=message.id, position=position, file=one.file, thumbnail="", alt=one.alt, **size)
        db.session.add(image)
    if pictures:
        enqueue(THUMBNAILS_JOB, message_id=message.id)


def key_of(form_key: str | None, pictures: Sequence[Picture]) -> str | None:
    """The form's key for a message with these pictures: an old form that comes with others is a new message."""
    if not form_key or not pictures:
        return form_key
    return "\n".join([form_key, *(f"{one.digest} {one.alt}" for one in pictures)])


def detach(message: Message) -> list[str]:
    """Take its pictures from a message; the conversation is locked. Answers the files that nobody needs any more.

    They are the caller's to remove, after the commit. What a report or a sealed message holds stays.
    """
    of_message = MessageImage.message_id == message.id
    rows = db.session.execute(select(MessageImage.file, MessageImage.thumbnail).where(of_message)).all()
    if not rows:
        return []
    db.session.execute(delete(MessageImage).where(of_message).execution_options(synchronize_session=False))
    held = reads.held(message.conversation_id)
    return [name for row in rows for name in row if name and name not in held]
