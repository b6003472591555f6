"""Doors (queue) of profiles."""

from __future__ import annotations

import time
from contextlib import suppress

from app.database import end_reading
from app.jobs import job
from app.profiles import queries
from app.profiles.storage import storage

STRAY_AFTER = 24 * 3600  # seconds: an upload's row is changed long before


@job("profiles.remove_stray_media", every=24 * 3600)
def remove_stray_media() -> None:
    """Delete pictures that no row names: a commit failed, or a web process was killed. Running twice is harmless."""
    store, before = storage(), time.time() - STRAY_AFTER
    # The files are listed first: a picture that is taken into use meanwhile is among the names.
    candidates = []
    for path in store.root.glob("??/*.webp"):
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < before:
                candidates.append(path.name)
    shown = set(queries.avatar_names())
    end_reading()
    for name in candidates:
        if name not in shown:
            store.delete(name)
    store.delete_unfinished(STRAY_AFTER)
