"""Background jobs: notify people of posts and edits, write exports, make thumbnails, count, delete old data."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any

from flask import current_app

from app.core.database import write_transaction
from app.core.exceptions import ActionError
from app.core.exports import exports
from app.core.images import storage
from app.core.signals import account_activity_changed
from app.core.time import now
from app.extensions import db
from app.jobs import PermanentError, enqueue, enqueue_at, images, job, report_progress
from app.models import PostImage, User
from app.notifications import presence
from app.posts import actions, counters, drafts, editing, export, queries, scheduling, votes
from app.posts.actions import EXPORT, TELL_FOLLOWERS
from app.posts.editing import TELL_OF_EDIT
from app.posts.images import REMOVE_JOB, THUMBNAILS_JOB
from app.queries import post_images
from app.web import attached_images

COUNT_JOB = "posts.count_reactions"
PRESENCE_BATCH = 500  # followers per Redis command that checks who is viewing the site
# Members per transaction. It locks the clocks of all of them and, on SQLite, blocks all other writers.
NOTIFY_BATCH = 50
OVERDUE_AFTER = timedelta(minutes=2)  # the scheduler pushes the job of a scheduled post before that
OVERDUE_BATCH = 500


@job(TELL_FOLLOWERS, timeout=600)
def tell_followers(author_id: int) -> None:
    """Publish the place of the author's newest post or repost to the open pages of the followers and of the author.

    Idempotent. Only users who are viewing the site are notified (app/notifications/presence.py). Other users see the
    post when they load a page. If Redis is unavailable, it is unknown who is viewing the site, so no one is notified.
    """
    newest = queries.newest_of(author_id)
    for readers in queries.readers_in_batches(author_id, PRESENCE_BATCH):
        looking = presence.present_users(readers) if newest else []
        for first in range(0, len(looking), NOTIFY_BATCH):
            with write_transaction():
                for user_id in looking[first : first + NOTIFY_BATCH]:
                    actions.publish_timeline(user_id, newest)


@job(TELL_OF_EDIT, queue="slow", timeout=3600)
def tell_of_edit(post_id: int, revision: int) -> None:
    """Record an event about an edit for everyone who likes or reposted the post and can see it. Idempotent.

    `revision` is the first revision of a burst of edits. A second run skips those who already have the event.
    """
    for readers in queries.fans_in_batches(post_id, editing.edit_subject(post_id, revision), NOTIFY_BATCH):
        with write_transaction():
            if not editing.tell_of_edit(post_id, revision, readers):
                return


@job(EXPORT, queue="slow", timeout=3600)
def export_posts(owner_id: int) -> dict[str, Any]:
    """Write the file of a member's data export. Return the file's name, the number of items by kind, and expiry date.

    The returned values are stored in the job's row. If the job runs twice, it writes two files, but the row names only
    one of them. `remove_old_exports` deletes both when they expire. Raises PermanentError if the account no longer
    exists.
    """
    owner = db.session.get(User, owner_id)
    if owner is None:
        raise PermanentError("the account is gone")
    with exports().create("json") as file:
        held = export.write(owner, file.stream, report_progress)
    expires_at = now() + timedelta(days=current_app.config["EXPORT_DAYS"])
    return {"file": file.name, **held, "expires_at": expires_at.isoformat()}


@job("posts.remove_old_exports", every=3600)
def remove_old_exports() -> None:
    """Delete expired export files, and unfinished files of crashed jobs. Idempotent."""
    store = exports()
    oldest = (now() - timedelta(days=current_app.config["EXPORT_DAYS"], hours=1)).timestamp()
    for path in store.root.glob("*/*.json"):
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < oldest:
                path.unlink()
    store.delete_unfinished()


@job(scheduling.PUBLISH)
def publish_scheduled(scheduled_id: int) -> None:
    """Publish a scheduled post whose time has come.

    If publishing is refused, keep the scheduled post, and tell its author. Idempotent: publishing deletes the scheduled
    post in the same transaction, and a refused one isn't due, so a second run finds nothing to publish.
    """
    try:
        with write_transaction():
            scheduling.publish_due(scheduled_id)
    except ActionError as refusal:
        with write_transaction():
            scheduling.refuse_due(scheduled_id, refusal)


@job("posts.publish_overdue", every=300)
def publish_overdue() -> None:
    """Enqueue the job of each scheduled post that should have been published, but whose job was lost. Idempotent.

    If the job has failed for good, keep the scheduled post, and tell its author. Another job would fail, too. If the
    job still waits for its next attempt, nothing changes.
    """
    late = queries.overdue(now() - OVERDUE_AFTER, OVERDUE_BATCH, job=scheduling.PUBLISH)
    for scheduled_id, publish_at, has_failed in late:
        with write_transaction():  # one for each post, because a refusal locks the clock of its author
            if has_failed:
                scheduling.refuse_due(scheduled_id, ActionError(scheduling.GAVE_UP))
            else:
                enqueue_at(scheduling.PUBLISH, publish_at, scheduled_id=scheduled_id)


@account_activity_changed.connect
def _enqueue_count_reactions(user: User) -> None:
    enqueue(COUNT_JOB, unique_key=f"{COUNT_JOB}:{user.id}", user_id=user.id)


@job(COUNT_JOB, timeout=600)
def count_reactions(user_id: int) -> None:
    """Count the reactions of a restored account, or stop counting those of a closed account.

    Idempotent: a second run finds nothing to correct.
    """
    counters.count_reactions(user_id)


@job("posts.recount", queue="slow", timeout=3600, every=24 * 3600)
def recount_posts() -> dict[str, int]:
    """Recalculate the cached counters of all posts, and correct the wrong ones.

    Return `{"checked": number of counters, "drift": number of corrections}`. Idempotent: a second run finds nothing to
    correct.
    """
    return counters.recount()


@job(votes.CLOSE_JOB, timeout=600)
def close_poll(post_id: int) -> None:
    """Close the poll of a post that has ended, and notify its author and the voters.

    Idempotent: a second run finds the poll closed, and notifies only people who weren't notified yet.
    """
    votes.close(post_id)


@job("posts.forget_drafts", every=24 * 3600)
def delete_old_drafts() -> None:
    """Delete drafts that were published or emptied more than a day ago. Idempotent."""
    if drafts.has_old():
        with write_transaction():
            drafts.delete_old()


@job(THUMBNAILS_JOB)
def make_thumbnails(post_id: int) -> None:
    """Make a thumbnail of each image of a post. Idempotent: see `app.jobs.images.make_thumbnails`."""
    images.make_thumbnails(PostImage, PostImage.post_id == post_id, storage("posts"))


@job(REMOVE_JOB)
def remove_pictures(files: list[str]) -> None:
    """Delete the image files of a deleted post. Idempotent: a second run finds no files."""
    attached_images.remove(files, storage("posts"))


@job("posts.remove_stray_pictures", timeout=3600, every=24 * 3600)
def remove_orphaned_images() -> None:
    """Delete image files that no post uses, such as those of deleted accounts. Idempotent."""
    images.remove_orphans(storage("posts"), post_images.files_in_use)
