"""Background jobs for thumbnails, unused image files, sealed messages, the end of mutes, and cached values."""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter

from flask import current_app
from sqlalchemy import update

from app.core.database import end_read_transaction, write_transaction
from app.extensions import db
from app.jobs import PermanentError, job
from app.lib.media import THUMBNAIL, InvalidImage, make_picture
from app.messages import counters, image_storage
from app.messages.actions import membership, sealed_messages
from app.messages.image_storage import storage
from app.messages.queries import images
from app.models import MessageImage, User

MAX_BYTES = 32 * 1024 * 1024  # bytes; far larger than any file that we store
ORPHAN_AGE = 24 * 3600  # minimum age in seconds; after this time, the row of a new file has certainly been written


@job("messages.thumbnails")
def make_thumbnails(message_id: int) -> None:
    """Make a thumbnail of each image of a message. Pages show the full image until its thumbnail exists.

    Idempotent: an existing thumbnail is never replaced, even if two runs overlap. If a file can't be read, the other
    images still get their thumbnails, and then PermanentError is raised.
    """
    missing = images.without_thumbnail(message_id)
    end_read_transaction()
    reasons = []
    for image_id, file in missing:
        try:
            _make_thumbnail(image_id, file)
        except (FileNotFoundError, InvalidImage) as error:
            if images.exists(image_id):  # else the message was unsent or deleted meanwhile
                reasons.append(f"picture {image_id}: {error!r}")
            end_read_transaction()
    if reasons:
        raise PermanentError("; ".join(reasons))


def _make_thumbnail(image_id: int, file: str) -> None:
    """Make and store the thumbnail of one image.

    Raises FileNotFoundError if the file is missing, and InvalidImage if the file is not a valid image. Other errors
    propagate, so that the job is retried.
    """
    store = storage()
    with store.open(file) as stream:
        content = stream.read(MAX_BYTES + 1)
    small = make_picture(content, THUMBNAIL, seconds=current_app.config["IMAGE_SECONDS"], max_bytes=MAX_BYTES)
    name = store.save(small.data, "webp")
    with write_transaction():
        this = update(MessageImage).where(MessageImage.id == image_id, MessageImage.thumbnail == "")
        used = db.session.scalar(this.values(thumbnail=name).returning(MessageImage.id)) is not None
    if not used:
        store.delete(name)


@job("messages.remove_stray_pictures", timeout=3600, every=24 * 3600)
def remove_orphaned_images() -> None:
    """Delete image files that no message, sealed message or report uses. Idempotent.

    Such files remain after an upload was refused or submitted twice, or after a process was killed.
    """
    store = storage()
    # List the files before the names in use, so that a file attached in between is among the names in use.
    candidates = store.names_older_than(ORPHAN_AGE)
    named = images.files_in_use(candidates)
    end_read_transaction()
    for name in candidates:
        if name not in named:
            store.delete(name)
    store.delete_unfinished(ORPHAN_AGE)


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
            image_storage.remove(files)
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
