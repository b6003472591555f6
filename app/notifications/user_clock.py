"""A user's clock, the source of the timestamps of their notifications (docs/decisions/0002-per-user-clock.md).

The clock is a row of `notification_clock`. It only moves forward, and only under a lock that is held until the commit.
So timestamps follow the order of commits, even if the system's clock is set back.
"""

from __future__ import annotations

from sqlalchemy import Insert, bindparam, case

from app.core.database import built_once, insert_into
from app.core.time import now
from app.extensions import db
from app.models import NotificationClock

TICK = 1e-6  # seconds; a double still has this resolution in the year 2100


def lock(user_id: int, *, advance: bool) -> float:
    """Lock the user's clock until the commit, and return its value in Unix seconds.

    With `advance`, first set it to the current time, or to one TICK after its old value if that is later.
    """
    moment, tick = (now().timestamp(), TICK) if advance else (0.0, 0.0)
    return float(db.session.scalar(_move_clock(), {"user_id": user_id, "last": moment, "tick": tick}) or 0.0)


@built_once
def _move_clock() -> Insert:
    clock = NotificationClock.__table__
    stmt = insert_into(clock)
    least = clock.c.last + bindparam("tick", type_=clock.c.last.type)
    upsert: Insert = stmt.on_conflict_do_update(
        index_elements=["user_id"],
        set_={"last": case((least > stmt.excluded.last, least), else_=stmt.excluded.last)},
    ).returning(clock.c.last)
    return upsert
