"""Muting for a time, conversations and people alike: for how long, and the job that ends it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from app.clock import now
from app.errors import Refused
from app.i18n import _l
from app.jobs import enqueue

HOURS = (1, 8, 24, 168)  # for how long, besides until it is taken back


def ends_at(hours: int | None) -> datetime | None:
    """When a mute for one of HOURS ends; None for one that is to be taken back. Raises Refused for another time."""
    if hours is not None and hours not in HOURS:
        raise Refused(_l("Please choose for how long."))
    return now() + timedelta(hours=hours) if hours else None


def order_end(job: str, until: datetime, **whose: Any) -> None:
    """Order the job that ends a mute at that time, in the caller's transaction; `whose` are its arguments."""
    # Each time has a job of its own: one that waits for a later time must not stand for an earlier one.
    key = ":".join([job, *(str(value) for value in whose.values()), str(until.timestamp())])
    enqueue(job, delay=max(0.0, (until - now()).total_seconds()), unique_key=key, **whose)
