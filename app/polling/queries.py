"""The query that answers a poll."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, and_, bindparam

from app.core.database import built_once
from app.core.time import now
from app.models import LoginSession, Notification
from app.notifications import poll_cache


class Poll(NamedTuple):
    """A poll: the user, the login, and the timestamp of the newest notification that the client has received."""

    user_id: int
    login_id: str
    since: float


def notifications(connection: Connection, poll: Poll, clock: float) -> list[dict[str, Any]] | None:
    """Return the user's notifications after `poll.since`, oldest first. Return None if the login has ended.

    `clock` is the user's newest committed timestamp. If `poll.since` is later than `clock`, the database was restored
    from a backup after the client received that timestamp. In this case, all notifications are returned if none are
    newer, so that the client shows the restored state.
    """
    found = _after(connection, poll)
    if found == [] and poll.since > clock:
        found = _after(connection, poll._replace(since=0.0))
    return found


def _after(connection: Connection, poll: Poll) -> list[dict[str, Any]] | None:
    rows = connection.execute(_newer(), {**poll._asdict(), "moment": now()}).all()
    if not rows:
        return None
    return [{"name": name, "data": data, "timestamp": moment} for name, data, moment in rows if name is not None]


@built_once
def _newer() -> Select[str, Any, float]:
    # An outer join, so that a valid login without newer notifications has a row. Its columns are NULL.
    newer = and_(Notification.user_id == LoginSession.user_id, Notification.timestamp > bindparam("since"))
    return (
        poll_cache.valid_login(Notification.name, Notification.data, Notification.timestamp)
        .outerjoin(Notification, newer)
        .order_by(Notification.timestamp, Notification.name, Notification.subject)
    )
