"""A user's clock, the source of the timestamps of the user's notifications (docs/decisions/0002-per-user-clock.md).

The clock is a row of `notification_clock`. It only moves forward, and only while the row is locked. The lock is held
until the commit. So timestamps follow the order of commits, even if the system's clock is set back.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Insert, case, literal_column

from app.core.database import built_once, execute_core, insert_into
from app.core.time import now
from app.models import NotificationClock

TICK = 1e-6  # seconds; a double still has this resolution in the year 2100
UNMOVED = 0.0  # stands for a clock's old value, or is the value of a new clock


def lock(users: Mapping[int, bool]) -> dict[int, float]:
    """Lock the clocks of these users until the commit, and return their values in Unix seconds.

    `users` maps the id of each user to True if the clock must also be moved forward. The new value is the current time,
    or the old value plus TICK if that is later. One statement locks all clocks, in the order of user ids.
    """
    moment = now().timestamp()
    rows = [{"user_id": user_id, "last": moment if users[user_id] else UNMOVED} for user_id in sorted(users)]
    found = execute_core(_move_clocks(), rows)
    return {user_id: float(last) for user_id, last in sorted(found.all())}


@built_once
def _move_clocks() -> Insert:
    clock = NotificationClock.__table__
    stmt = insert_into(clock)
    least = clock.c.last + literal_column(repr(TICK), clock.c.last.type)
    moved = case(
        (stmt.excluded.last == literal_column(repr(UNMOVED)), clock.c.last),
        (least > stmt.excluded.last, least),
        else_=stmt.excluded.last,
    )
    upsert: Insert = stmt.on_conflict_do_update(index_elements=["user_id"], set_={"last": moved})
    return upsert.returning(clock.c.user_id, clock.c.last)
