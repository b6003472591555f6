"""Finding people, and the person behind a request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from app.clock import now
from app.extensions import db
from app.models import LoginSession, NotificationClock, User
from app.queries import unread
from app.text.names import username_key


@dataclass(frozen=True)
class Visit:
    """Who a request comes from, and what every page shows them: one query."""

    login: LoginSession
    login_id: str  # these three as values: a rollback makes the rows ask the database again
    user_id: int
    last_seen: datetime | None
    unread_messages: int
    since: float  # the newest notification this page already knows


def by_username(username: str) -> User | None:
    """The person of that name, in whatever case or width it was typed."""
    return db.session.scalar(select(User).where(User.username_key == username_key(username), User.active))


def visit(login_id: str) -> Visit | None:
    """The login of that id with its person, if it is still good. One statement, so the badge fits its timestamp."""
    row = db.session.execute(
        select(LoginSession, NotificationClock.last, unread.message_count_of(User.id))
        .join(LoginSession.user)
        .outerjoin(NotificationClock, NotificationClock.user_id == User.id)
        .where(LoginSession.id == login_id, LoginSession.expires_at > now(), User.active)
        .options(joinedload(LoginSession.user))
    ).first()
    if row is None:
        return None
    login, since, unread_messages = row
    user = login.user
    return Visit(login, login.id, user.id, user.last_seen, int(unread_messages), float(since or 0.0))
