"""The pictures of a message: rows for files that are stored already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.extensions import db
from app.jobs import enqueue
from app.models import Message, MessageImage

THUMBNAILS_JOB = "messages.thumbnails"
MOST = 4  # pictures in one message
ALT_MAX_LENGTH = 1_000  # characters of a description


@dataclass(frozen=True)
class Picture:
    """A checked picture in the store (app/messages/images.py), and what it shows in words."""

    file: str
    alt: str
    width: int  # pixels
    height: int


def attach(message: Message, pictures: Sequence[Picture]) -> None:
    """Give a new message its pictures, and order their thumbnails."""
    for position, one in enumerate(pictures):
        image = MessageImage(message_id=message.id, position=position, thumbnail="", **vars(one))
        db.session.add(image)
    if pictures:
        enqueue(THUMBNAILS_JOB, message_id=message.id)
