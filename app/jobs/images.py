"""What the jobs for images of messages and of posts have in common: making thumbnails, deleting unused files."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from flask import current_app
from sqlalchemy import ColumnElement, select, update

from app.core.database import end_read_transaction, write_transaction
from app.extensions import db
from app.jobs.runner import PermanentError
from app.lib.media import THUMBNAIL, InvalidImage, Storage, make_picture
from app.models import MessageImage, PostImage

MAX_BYTES = 32 * 1024 * 1024  # bytes; far larger than any file that we store
ORPHAN_AGE = 24 * 3600  # minimum age in seconds; after this time, the row of a new file has certainly been written
Model = type[MessageImage] | type[PostImage]


def make_thumbnails(model: Model, these: ColumnElement[bool], store: Storage) -> None:
    """Make a thumbnail of each image of a message or a post. Pages show the full image until its thumbnail exists.

    `these` is the condition that selects the images. Idempotent: an existing thumbnail is never replaced, even if two
    runs overlap. If a file can't be read, the other images still get their thumbnails, and then PermanentError is
    raised.
    """
    missing = db.session.execute(select(model.id, model.file).where(these, model.thumbnail == "")).all()
    end_read_transaction()
    reasons = []
    for image_id, file in missing:
        try:
            _make_thumbnail(model, image_id, file, store)
        except (FileNotFoundError, InvalidImage) as error:
            if _exists(model, image_id):  # else the message or post was deleted meanwhile
                reasons.append(f"picture {image_id}: {error!r}")
            end_read_transaction()
    if reasons:
        raise PermanentError("; ".join(reasons))


def _make_thumbnail(model: Model, image_id: int, file: str, store: Storage) -> None:
    """Make and store the thumbnail of one image.

    Raises FileNotFoundError if the file is missing, and InvalidImage if the file is not a valid image. Other errors
    propagate, so that the job is retried.
    """
    with store.open(file) as stream:
        content = stream.read(MAX_BYTES + 1)
    small = make_picture(content, THUMBNAIL, seconds=current_app.config["IMAGE_SECONDS"], max_bytes=MAX_BYTES)
    name = store.save(small.data, "webp")
    with write_transaction():
        this = update(model).where(model.id == image_id, model.thumbnail == "")
        used = db.session.scalar(this.values(thumbnail=name).returning(model.id)) is not None
    if not used:
        store.delete(name)


def _exists(model: Model, image_id: int) -> bool:
    return db.session.scalar(select(model.id).where(model.id == image_id)) is not None


def remove_orphans(store: Storage, files_in_use: Callable[[Sequence[str]], set[str]]) -> None:
    """Delete the files of a store that are not in use. `files_in_use` returns which of the given files are.

    Such files remain after an upload was refused or submitted twice, after a process was killed, or after an account
    was deleted.
    """
    # List the files before the names in use, so that a file attached in between is among the names in use.
    candidates = store.names_older_than(ORPHAN_AGE)
    named = files_in_use(candidates)
    end_read_transaction()
    for name in candidates:
        if name not in named:
            store.delete(name)
    store.delete_unfinished(ORPHAN_AGE)
