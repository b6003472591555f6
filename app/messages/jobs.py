"""Jobs of messages: thumbnails, files and sealed messages to remove, mutes that end, and the recount of counters."""

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

LARGEST = 32 * 1024 * 1024  # bytes of a file of our own: far more than any has
STRAY_AFTER = 24 * 3600  # seconds: an upload's row is written long before


@job("messages.thumbnails")
def make_thumbnails(message_id: int) -> None:
    """Make a small copy of each picture of a message, which is shown until then in full.

    Run twice, or by two at once, the first copy stays. What cannot be read stays as it is, with the reason.
    """
    missing = images.without_thumbnail(message_id)
    end_read_transaction()
    reasons = []
    for image_id, file in missing:
        try:
            _make_thumbnail(image_id, file)
        except (FileNotFoundError, InvalidImage) as error:
            if images.is_there(image_id):  # else its message was taken back meanwhile, and its file with it
                reasons.append(f"picture {image_id}: {error!r}")
            end_read_transaction()
    if reasons:
        raise PermanentError("; ".join(reasons))


def _make_thumbnail(image_id: int, file: str) -> None:
    """Raise FileNotFoundError or InvalidImage if there is no good file. What a retry may mend is raised as it is."""
    store = storage()
    with store.open(file) as stream:
        content = stream.read(LARGEST + 1)
    small = make_picture(content, THUMBNAIL, seconds=current_app.config["IMAGE_SECONDS"], max_bytes=LARGEST)
    name = store.save(small.data, "webp")
    with write_transaction():
        this = update(MessageImage).where(MessageImage.id == image_id, MessageImage.thumbnail == "")
        used = db.session.scalar(this.values(thumbnail=name).returning(MessageImage.id)) is not None
    if not used:
        store.delete(name)


@job("messages.remove_stray_pictures", timeout=3600, every=24 * 3600)
def remove_stray_pictures() -> None:
    """Delete pictures that neither a message nor a report names: they were refused, sent twice, or taken back by a
    process that was killed. Running twice is harmless.
    """
    store = storage()
    # The files are listed first: a picture that is taken into use meanwhile is among the names.
    candidates = store.names_older_than(STRAY_AFTER)
    named = images.named(candidates)
    end_read_transaction()
    for name in candidates:
        if name not in named:
            store.delete(name)
    store.delete_unfinished(STRAY_AFTER)


@job("messages.remove_sealed", queue="slow", timeout=3600, every=24 * 3600)
def remove_sealed() -> int:
    """Remove for good what deleted messages said, SEALED_DAYS after they were deleted. Return how many there were.

    Locks one conversation at a time. Run twice, it finds nothing then. A file that a killed run leaves behind is
    removed by messages.remove_stray_pictures.
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
    """Let a person hear of a conversation again when the time they chose is over.

    Run twice, or after the mute was taken back or made longer, it finds nothing to end.
    """
    with write_transaction():
        user = db.session.get(User, user_id)
        if user is not None:
            membership.end_mute(user, conversation_id)


@job("messages.recount", queue="slow", timeout=3600, every=24 * 3600)
def recount_conversations() -> dict[str, int]:
    """Put right the numbers kept beside the messages, should they ever be wrong. Run twice, it finds nothing then."""
    return counters.recount()
