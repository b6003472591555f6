"""The query that answers a poll."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Select, bindparam, select

from app.core.database import built_once
from app.models import Notification


def since(connection: Connection, user_id: int, timestamp: float, clock: float) -> list[dict[str, Any]]:
    """Return the user's notifications after `timestamp`, oldest first, as a poll answers them.

    `clock` is the user's newest committed timestamp. If `timestamp` is later than that, a backup was restored after the
    client got it. In this case, if nothing is newer, all notifications are returned, so that the client recovers.
    """
    rows = _after(connection, user_id, timestamp)
    if not rows and timestamp > clock:
        rows = _after(connection, user_id, 0.0)
    return rows


def _after(connection: Connection, user_id: int, timestamp: float) -> list[dict[str, Any]]:
    rows = connection.execute(_newer(), {"user_id": user_id, "since": timestamp})
    return [{"name": name, "data": data, "timestamp": moment} for name, data, moment in rows]


@built_once
def _newer() -> Select[str, Any, float]:
    return (
        select(Notification.name, Notification.data, Notification.timestamp)
        .where(Notification.user_id == bindparam("user_id"), Notification.timestamp > bindparam("since"))
        .order_by(Notification.timestamp, Notification.name, Notification.subject)
    )
