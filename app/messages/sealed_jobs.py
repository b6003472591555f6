"""Job: removing sealed messages whose time is over."""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter

from app.core.database import end_reading, writing
from app.jobs import job
from app.messages import images
from app.messages.actions import sealing


@job("messages.remove_sealed", queue="slow", timeout=3600, every=24 * 3600)
def remove_sealed() -> int:
    """Remove for good what deleted messages said, SEALED_DAYS after they were deleted. Return how many there were.

    Locks one conversation at a time. Run twice, it finds nothing then. A file that a killed run leaves behind is
    removed by messages.remove_stray_pictures.
    """
    removed = 0
    while True:
        over = sealing.expired()
        end_reading()
        for conversation_id, group in groupby(over, key=itemgetter(0)):
            ids = [message_id for _conversation_id, message_id in group]
            with writing():
                files = sealing.remove(conversation_id, ids)
            images.remove(files)
            removed += len(ids)
        if len(over) < sealing.BATCH:
            return removed
