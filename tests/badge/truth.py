"""The truth, asked of the tables in plain SQL: none of it is the site's own query."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from app.extensions import db

BADGE = (
    "SELECT count(*) FROM message m JOIN conversation_member c ON c.conversation_id = m.conversation_id"
    " WHERE c.user_id = :id AND c.state = 'accepted' AND m.sender_id <> :id AND m.seq > c.read_seq"
)
REQUESTS = "SELECT count(*) FROM conversation_member WHERE user_id = :id AND state = 'request'"
NEWEST = (
    "SELECT u.username, max(m.id) FROM message m JOIN conversation_member o USING (conversation_id)"
    ' JOIN conversation_member c USING (conversation_id) JOIN "user" u ON u.id = o.user_id'
    " WHERE c.user_id = :id AND o.user_id <> :id GROUP BY u.username"
)
EVENTS = (
    "SELECT timestamp, id FROM activity WHERE user_id = :id AND read_at IS NULL AND held_by = '' ORDER BY timestamp, id"
)
CLOCKS = "SELECT user_id, last FROM notification_clock"
OWED = "SELECT 1 FROM job WHERE unique_key = :key AND state = 'queued'"
LOGIN = "SELECT 1 FROM login_session WHERE id = :id"
LOGINS = "SELECT id FROM login_session"
REMOVALS = "SELECT id FROM job WHERE name = 'notifications.forget_poll' AND state = 'queued'"
CLOCK = "SELECT last FROM notification_clock WHERE user_id = :id"


_lines: list[Any] = []


@contextmanager
def asked() -> Iterator[None]:
    """In the block one connection answers all questions, each as it is committed then: a story asks forty."""
    pooled = db.engine.raw_connection()
    line: Any = pooled.driver_connection
    pooled.detach()
    if db.engine.dialect.name == "postgresql":
        line.rollback()  # the pool has asked whether it lives
        line.autocommit = True
    _lines.append(line)
    try:
        yield
    finally:
        _lines.pop().close()


def _rows(question: str, **values: object) -> list[Any]:
    cursor = _lines[-1].cursor()
    try:
        cursor.execute(_spelled(question), values)
        return list(cursor.fetchall())
    finally:
        cursor.close()


def _spelled(question: str) -> str:
    return re.sub(r":(\w+)", r"%(\1)s", question) if db.engine.dialect.name == "postgresql" else question


def badge_of(user_id: int) -> int:
    """How many messages from others the person has not read."""
    return int(_rows(BADGE, id=user_id)[0][0])


def requests_of(user_id: int) -> int:
    """How many strangers wait for the person's answer."""
    return int(_rows(REQUESTS, id=user_id)[0][0])


def newest_of(user_id: int) -> dict[str, int]:
    """The newest message with each other person."""
    return dict(_rows(NEWEST, id=user_id))


def clock_of(user_id: int) -> float:
    """The newest timestamp that is committed; 0 before the first."""
    return float(next((row[0] for row in _rows(CLOCK, id=user_id)), 0.0))


def events_of(user_id: int) -> list[tuple[float, int]]:
    """The events the person has not read, as stamp and id, oldest first."""
    return [(row[0], row[1]) for row in _rows(EVENTS, id=user_id)]


def clocks() -> dict[int, float]:
    """Everybody's clock."""
    return dict(_rows(CLOCKS))


def owed(user_id: int) -> bool:
    """Whether a job waits that will remove the person's hash."""
    return bool(_rows(OWED, key=f"forget_poll:{user_id}"))


def login_exists(login_id: str) -> bool:
    """Whether the login was not ended."""
    return bool(_rows(LOGIN, id=login_id))


def logins() -> set[str]:
    """All logins that were not ended."""
    return {row[0] for row in _rows(LOGINS)}


def removals_owed() -> list[str]:
    """The jobs that will remove a hash, for a removal that Redis did not take."""
    return [row[0] for row in _rows(REMOVALS)]
