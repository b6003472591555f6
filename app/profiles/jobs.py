"""Doors (queue) of profiles."""

from __future__ import annotations

from app.database import end_reading
from app.jobs import job
from app.profiles import queries
from app.profiles.storage import storage

STRAY_AFTER = 24 * 3600  # seconds: an upload's row is changed long before


@job("profiles.remove_stray_media", every=24 * 3600)
def remove_stray_media() -> None:
    """Delete pictures that no row names: a commit failed, or a web process was killed. Running twice is harmless."""
    store = storage()
    # The files are listed first: a picture that is taken into use meanwhile is among the names.
    candidates = store.names_older_than(STRAY_AFTER)
    shown = set(queries.avatar_names())
    end_reading()
    for name in candidates:
        if name not in shown:
            store.delete(name)
    store.delete_unfinished(STRAY_AFTER)
