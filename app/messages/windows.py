"""For how long one can take back and change what one has written. Asked by the page, and by the action again."""

from __future__ import annotations

from datetime import timedelta

from app.core.clock import now
from app.models import Message

UNDO_WITHIN = timedelta(seconds=10)
CHANGE_WITHIN = timedelta(minutes=15)
ON_ITS_WAY = timedelta(seconds=5)  # how much later what was asked in time may arrive


def can_undo(message: Message) -> bool:
    """Whether it was sent just now."""
    return now() - message.created_at <= UNDO_WITHIN + ON_ITS_WAY


def can_change(message: Message) -> bool:
    """Whether it was sent lately enough to be edited, or deleted for everybody."""
    return now() - message.created_at <= CHANGE_WITHIN + ON_ITS_WAY
