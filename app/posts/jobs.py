"""Doors (queue) of posts: telling followers; the export, and the end of old exports."""

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

ASKED_TOGETHER = 500  # followers of whom Redis is asked at once whether they are looking
TOLD_TOGETHER = 50  # people told in one transaction: it holds all their clocks, and on SQLite the one lock there is


@job(TELL_FOLLOWERS, timeout=600)
def tell_followers(author_id: int) -> None:
    """Tell those who follow a person and are looking, and the person's own open pages, which post is the newest.

    Run twice, it says the same again. Without Redis nobody is known to look: the next page they load has it all.
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
    """Write the file of all that a person takes along. Its name, what it holds and its last day go into the job's row.

    Run twice, it writes a second file and the row names the one that counts; the other goes with the old ones.
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
    """Remove files nobody may fetch any more, and what killed runs left behind. Run twice, it finds nothing."""
    store = exports()
    oldest = (now() - timedelta(days=current_app.config["EXPORT_DAYS"], hours=1)).timestamp()
    for path in store.root.glob("*/*.json"):
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < oldest:
                path.unlink()
    store.delete_unfinished()


@job("posts.forget_drafts", every=24 * 3600)
def forget_drafts() -> None:
    """Delete drafts that were sent or emptied. Run twice, it finds nothing."""
    with write_transaction():
        drafts.forget()
