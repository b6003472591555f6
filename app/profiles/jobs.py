"""Jobs of profiles."""

from __future__ import annotations

from app.core.database import end_read_transaction
from app.jobs import job
from app.profiles import counters, queries
from app.profiles.picture_routes import storage

STRAY_AFTER = 24 * 3600  # seconds: a new upload gets its row long before


@job(counters.COUNT_JOB, timeout=600)
def count_follows(user_id: int) -> None:
    """Update which follows of a closed or restored account are counted. Running twice finds nothing."""
    counters.count_follows(user_id)


@job("profiles.recount", queue="slow", timeout=3600, every=24 * 3600)
def recount_profiles() -> dict[str, int]:
    """Recalculate the cached counters of profiles and report drift. Running twice finds nothing."""
    return counters.recount()


@job("profiles.remove_stray_media", every=24 * 3600)
def remove_stray_media() -> None:
    """Delete orphaned pictures: a commit failed, or a web process was killed. Idempotent."""
    store = storage()
    # List the files first: a picture that comes into use meanwhile is then among the names.
    candidates = store.names_older_than(STRAY_AFTER)
    shown = set(queries.avatar_names())
    end_read_transaction()
    for name in candidates:
        if name not in shown:
            store.delete(name)
    store.delete_unfinished(STRAY_AFTER)
