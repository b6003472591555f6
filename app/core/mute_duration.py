"""How long conversations and people can be muted."""

from __future__ import annotations

from datetime import datetime, timedelta

from app.core.clock import now
from app.core.errors import ActionError
from app.core.i18n import _l

HOURS = (1, 8, 24, 168)  # for how long, besides until it is taken back


def ends_at(hours: int | None) -> datetime | None:
    """When a mute for one of HOURS ends; None for one that is to be taken back. Raises ActionError for another time."""
    if hours is not None and hours not in HOURS:
        raise ActionError(_l("Choose how long."))
    return now() + timedelta(hours=hours) if hours else None
