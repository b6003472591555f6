"""Background jobs for thumbnails, unused image files, sealed messages, the end of mutes, and cached values."""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter

from app.core.database import end_read_transaction, write_transaction
from app.core.images import storage
from app.extensions import db
from app.jobs import images, job
from app.messages import counters
from app.messages.actions import membership, sealed_messages
from app.messages.queries.images import files_in_use
from app.models import MessageImage, User
from app.web import attached_images


@job("messages.thumbnails")
def make_thumbnails(message_id: int) -> None:
    """Make a thumbnail of each image of a message. Idempotent: see `app.jobs.images.make_thumbnails`."""
    images.make_thumbnails(MessageImage, MessageImage.message_id == message_id, storage("messages"))


@job("messages.remove_stray_pictures", timeout=3600, every=24 * 3600)
def remove_orphaned_images() -> None:
    """Delete image files that no message, sealed message or report uses. Idempotent."""
    images.remove_orphans(storage("messages"), files_in_use)


@job("messages.remove_sealed", queue="slow", timeout=3600, every=24 * 3600)
def remove_sealed() -> int:
    """Delete the sealed messages that have been kept for SEALED_DAYS. Return how many were deleted.

    Locks one conversation at a time. Idempotent. If a run is killed, the job `messages.remove_stray_pictures` deletes
    the remaining image files.
    """
    removed = 0
    while True:
        over = sealed_messages.expired()
        end_read_transaction()
        for conversation_id, group in groupby(over, key=itemgetter(0)):
            ids = [message_id for _conversation_id, message_id in group]
            with write_transaction():
                files = sealed_messages.remove(conversation_id, ids)
            attached_images.remove(files, storage("messages"))
            removed += len(ids)
        if len(over) < sealed_messages.BATCH:
            return removed


@job(membership.END_MUTE_JOB)
def end_mute(conversation_id: int, user_id: int) -> None:
    """Unmute a conversation for a member if the end time of the mute has passed.

    Idempotent: it does nothing if the conversation is no longer muted, or if the mute was extended.
    """
    with write_transaction():
        user = db.session.get(User, user_id)
        if user is not None:
            membership.end_mute(user, conversation_id)


@job("messages.recount", queue="slow", timeout=3600, every=24 * 3600)
def recount_conversations() -> dict[str, int]:
    """Correct wrong cached values of conversations, such as the sequence number of the newest message. Idempotent.

    Return how many values were checked and how many were wrong.
    """
    return counters.recount()
