"""Doors (queue) of profiles."""

from __future__ import annotations

from app.core.database import end_read_transaction
from app.jobs import job
from app.profiles import counters, queries
from app.profiles.picture_routes import storage

STRAY_AFTER = 24 * 3600  # seconds: an upload's row is changed long before


@job(counters.COUNT_JOB, timeout=600)
def count_follows(user_id: int) -> None:
    """Count the follows of an account that was closed or opened again as they are now. Running twice finds nothing."""
    counters.count_follows(user_id)


@job("profiles.recount", queue="slow", timeout=3600, every=24 * 3600)
def recount_profiles() -> dict[str, int]:
    """Put right the stored numbers of profiles, should they ever be wrong. Run twice, it finds nothing then."""
    return counters.recount()


@job("profiles.remove_stray_media", every=24 * 3600)
def remove_stray_media() -> None:
    """Delete pictures that no row names: a commit failed, or a web process was killed. Running twice is harmless."""
    store = storage()
    # The files are listed first: a picture that is taken into use meanwhile is among the names.
    candidates = store.names_older_than(STRAY_AFTER)
    shown = set(queries.avatar_names())
    end_read_transaction()
    for name in candidates:
        if name not in shown:
            store.delete(name)
    store.delete_unfinished(STRAY_AFTER)
