"""The truth, asked of the tables in plain SQL: none of it is the site's own query."""

from __future__ import annotations

from sqlalchemy import text

from app.extensions import db

BADGE = text(
    "SELECT count(*) FROM message m JOIN conversation_member c ON c.conversation_id = m.conversation_id"
    " WHERE c.user_id = :id AND c.state = 'accepted' AND m.sender_id <> :id AND m.seq > c.read_seq"
)
REQUESTS = text("SELECT count(*) FROM conversation_member WHERE user_id = :id AND state = 'request'")
NEWEST = text(
    "SELECT u.username, max(m.id) FROM message m JOIN conversation_member o USING (conversation_id)"
    ' JOIN conversation_member c USING (conversation_id) JOIN "user" u ON u.id = o.user_id'
    " WHERE c.user_id = :id AND o.user_id <> :id GROUP BY u.username"
)
EVENTS = text(
    "SELECT timestamp, id FROM activity WHERE user_id = :id AND read_at IS NULL AND held_by = '' ORDER BY timestamp, id"
)
CLOCKS = text("SELECT user_id, last FROM notification_clock")
OWED = text("SELECT 1 FROM job WHERE unique_key = :key AND state = 'queued'")
LOGIN = text("SELECT 1 FROM login_session WHERE id = :id")
LOGINS = text("SELECT id FROM login_session")
REMOVALS = text("SELECT id FROM job WHERE name = 'notifications.forget_poll' AND state = 'queued'")
CLOCK = text("SELECT last FROM notification_clock WHERE user_id = :id")


def badge_of(user_id: int) -> int:
    """How many messages from others the person has not read."""
    with db.engine.connect() as connection:
        return int(connection.execute(BADGE, {"id": user_id}).scalar_one())


def requests_of(user_id: int) -> int:
    """How many strangers wait for the person's answer."""
    with db.engine.connect() as connection:
        return int(connection.execute(REQUESTS, {"id": user_id}).scalar_one())


def newest_of(user_id: int) -> dict[str, int]:
    """The newest message with each other person."""
    with db.engine.connect() as connection:
        return {row[0]: row[1] for row in connection.execute(NEWEST, {"id": user_id})}


def clock_of(user_id: int) -> float:
    """The newest timestamp that is committed; 0 before the first."""
    with db.engine.connect() as connection:
        return float(connection.execute(CLOCK, {"id": user_id}).scalar() or 0.0)


def events_of(user_id: int) -> list[tuple[float, int]]:
    """The events the person has not read, as stamp and id, oldest first."""
    with db.engine.connect() as connection:
        return [(row[0], row[1]) for row in connection.execute(EVENTS, {"id": user_id})]


def clocks() -> dict[int, float]:
    """Everybody's clock."""
    with db.engine.connect() as connection:
        return {row[0]: row[1] for row in connection.execute(CLOCKS)}


def owed(user_id: int) -> bool:
    """Whether a job waits that will remove the person's hash."""
    with db.engine.connect() as connection:
        return connection.execute(OWED, {"key": f"forget_poll:{user_id}"}).first() is not None


def login_exists(login_id: str) -> bool:
    """Whether the login was not ended."""
    with db.engine.connect() as connection:
        return connection.execute(LOGIN, {"id": login_id}).first() is not None


def logins() -> set[str]:
    """All logins that were not ended."""
    with db.engine.connect() as connection:
        return {row[0] for row in connection.execute(LOGINS)}


def removals_owed() -> list[str]:
    """The jobs that will remove a hash, for a removal that Redis did not take."""
    with db.engine.connect() as connection:
        return [row[0] for row in connection.execute(REMOVALS)]
