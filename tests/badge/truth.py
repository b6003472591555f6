"""The truth, asked of the tables in plain SQL: none of it is the site's own query."""

from __future__ import annotations

from sqlalchemy import text

from app.extensions import db

BADGE = text(
    "SELECT count(*) FROM message m JOIN conversation_member c ON c.conversation_id = m.conversation_id"
    " WHERE c.user_id = :id AND m.sender_id <> :id AND m.seq > c.read_seq"
)
NEWEST = text(
    "SELECT u.username, max(m.id) FROM message m JOIN conversation_member o USING (conversation_id)"
    ' JOIN conversation_member c USING (conversation_id) JOIN "user" u ON u.id = o.user_id'
    " WHERE c.user_id = :id AND o.user_id <> :id GROUP BY u.username"
)
CLOCK = text("SELECT last FROM notification_clock WHERE user_id = :id")


def badge_of(user_id: int) -> int:
    """How many messages from others the person has not read."""
    with db.engine.connect() as connection:
        return int(connection.execute(BADGE, {"id": user_id}).scalar_one())


def newest_of(user_id: int) -> dict[str, int]:
    """The newest message with each other person."""
    with db.engine.connect() as connection:
        return dict(connection.execute(NEWEST, {"id": user_id}).tuples().all())


def clock_of(user_id: int) -> float:
    """The newest timestamp that is committed; 0 before the first."""
    with db.engine.connect() as connection:
        return float(connection.execute(CLOCK, {"id": user_id}).scalar() or 0.0)
