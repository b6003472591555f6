"""How long conversations and users can be muted."""

from __future__ import annotations

from datetime import datetime, timedelta

from app.core.exceptions import ActionError
from app.core.i18n import _l
from app.core.time import now

HOURS = (1, 8, 24, 168)  # the user can also choose a mute without an end


def ends_at(hours: int | None) -> datetime | None:
    """Return the time at which a mute of `hours` hours ends. Return None if `hours` is None: such a mute has no end.

    Raises ActionError if `hours` is neither in HOURS nor None.
    """
    if hours is not None and hours not in HOURS:
        raise ActionError(_l("Choose how long to mute."))
    return now() + timedelta(hours=hours) if hours else None
