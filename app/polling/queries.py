"""The query that answers a poll."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, bindparam, select

from app.core.database import built_once
from app.extensions import db
from app.models import Notification


@dataclass(frozen=True)
class NotificationState:
    """A notification in the answer to a poll."""

    name: str
    data: Any
    timestamp: float


def since(user_id: int, timestamp: float, clock: float) -> list[NotificationState]:
    """Return the user's notifications after `timestamp`, oldest first.

    `clock` is the user's newest committed timestamp. If `timestamp` is later than that, a backup was restored after the
    client got it. In this case, if nothing is newer, all notifications are returned, so that the client recovers.
    """
    rows = _after(user_id, timestamp)
    if not rows and timestamp > clock:
        rows = _after(user_id, 0.0)
    return rows


def _after(user_id: int, timestamp: float) -> list[NotificationState]:
    rows = db.session.execute(_newer(), {"user_id": user_id, "since": timestamp})
    return [NotificationState(*row) for row in rows]


@built_once
def _newer() -> Select[str, Any, float]:
    return (
        select(Notification.name, Notification.data, Notification.timestamp)
        .where(Notification.user_id == bindparam("user_id"), Notification.timestamp > bindparam("since"))
        .order_by(Notification.timestamp, Notification.name, Notification.subject)
    )
