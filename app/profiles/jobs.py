"""Background jobs that correct the cached profile counters and delete orphaned profile pictures."""

from __future__ import annotations

from app.core.database import end_read_transaction
from app.core.signals import account_activity_changed
from app.jobs import enqueue, job
from app.models import User
from app.profiles import counters, daily_recount, queries
from app.profiles.picture_routes import storage

COUNT_JOB = "profiles.count_follows"
ORPHAN_AGE = 24 * 3600  # seconds; a newer file may belong to an upload that is not committed yet


@account_activity_changed.connect
def _enqueue_count_follows(user: User) -> None:
    enqueue(COUNT_JOB, unique_key=f"{COUNT_JOB}:{user.id}", user_id=user.id)


@job(COUNT_JOB, timeout=600)
def count_follows(user_id: int) -> None:
    """Add the follows of a restored account to the counters, or subtract those of a closed account.

    Idempotent: a second run finds nothing to correct.
    """
    counters.count_follows(user_id)


@job("profiles.recount", queue="slow", timeout=3600, every=24 * 3600)
def recount_profiles() -> dict[str, int]:
    """Recalculate and correct the cached profile counters. Return how many were checked and how many were wrong.

    Idempotent: a second run finds nothing to correct.
    """
    return daily_recount.recount()


@job("profiles.remove_stray_media", every=24 * 3600)
def remove_orphaned_pictures() -> None:
    """Delete files of profile pictures that no user uses. Idempotent.

    Such a file remains if the commit fails, or if the web process is killed, after the file was stored.
    """
    store = storage()
    # List the files before the pictures in use. Otherwise, a picture that was set in between would be deleted.
    candidates = store.names_older_than(ORPHAN_AGE)
    shown = set(queries.avatar_names())
    end_read_transaction()
    for name in candidates:
        if name not in shown:
            store.delete(name)
    store.delete_unfinished(ORPHAN_AGE)
