"""Jobs of posts: notifying followers, the export, and deleting old exports and drafts."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any

from flask import current_app

from app.core.clock import now
from app.core.database import write_transaction
from app.core.exports import exports
from app.extensions import db
from app.jobs import PermanentError, job, report_progress
from app.models import User
from app.notifications import presence
from app.posts import actions, drafts, export, queries
from app.posts.actions import EXPORT, TELL_FOLLOWERS

ASKED_TOGETHER = 500  # followers per Redis query for who is viewing the site
TOLD_TOGETHER = 50  # members notified in one transaction: it holds all their clocks, and on SQLite the only write lock


@job(TELL_FOLLOWERS, timeout=600)
def tell_followers(author_id: int) -> None:
    """Publish the author's newest post to followers who are viewing the site, and to the author's own pages.

    Running twice publishes the same again. Without Redis, no follower counts as viewing: the next page they load shows
    the post.
    """
    newest = queries.newest_of(author_id)
    for readers in queries.readers_in_batches(author_id, ASKED_TOGETHER):
        looking = presence.viewing(readers) if newest else []
        for first in range(0, len(looking), TOLD_TOGETHER):
            with write_transaction():
                for user_id in looking[first : first + TOLD_TOGETHER]:
                    actions.tell_of_post(user_id, newest)


@job(EXPORT, queue="slow", timeout=3600)
def export_posts(owner_id: int) -> dict[str, Any]:
    """Write the export file of a member. Its name, content counts and expiry date are stored in the job's row.

    Running twice writes a second file, and the row names the valid one; the other is deleted with the old exports.
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
    """Delete expired export files, and unfinished files of crashed jobs. Running twice finds nothing."""
    store = exports()
    oldest = (now() - timedelta(days=current_app.config["EXPORT_DAYS"], hours=1)).timestamp()
    for path in store.root.glob("*/*.json"):
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < oldest:
                path.unlink()
    store.delete_unfinished()


@job("posts.forget_drafts", every=24 * 3600)
def forget_drafts() -> None:
    """Delete drafts that were sent or emptied. Running twice finds nothing."""
    with write_transaction():
        drafts.forget()
