"""Finding people, and the person behind a request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import joinedload

from app.core.clock import now
from app.core.database import advisory_lock
from app.extensions import db
from app.lib.text.names import username_key
from app.models import DeliveryProfile, LoginSession, NotificationClock, User
from app.queries import activity, unread


@dataclass(frozen=True)
class Visit:
    """Who a request comes from, and what every page shows them: one query."""

    login: LoginSession
    login_id: str  # these three as values: a rollback makes the rows ask the database again
    user_id: int
    last_seen: datetime | None
    unread_messages: int
    unread_activity: int
    profile: DeliveryProfile | None  # how they want to be told; None = the defaults
    since: float  # the newest notification this page already knows


def by_username(username: str) -> User | None:
    """The person of that name, in whatever case or width it was typed."""
    return db.session.scalar(select(User).where(User.username_key == username_key(username), User.active))


def by_usernames(usernames: Sequence[str]) -> Sequence[User]:
    """The people of those names, in the order of their ids. Names that nobody has are left out."""
    keys = {username_key(name) for name in usernames}
    return db.session.scalars(select(User).where(User.username_key.in_(keys), User.active).order_by(User.id)).all()


def lock_follow(follower: User, followed: User) -> None:
    """Hold whether the one follows the other until the commit: who follows and who blocks do not pass each other by.

    Not their rows: of two who begin to follow a third neither waits for the other.
    """
    advisory_lock(_follow(follower, followed))


def lock_follows(one: User, other: User) -> None:
    """The same in both directions."""
    advisory_lock(_follow(one, other), _follow(other, one))


def _follow(follower: User, followed: User) -> str:
    return f"follow:{follower.id}:{followed.id}"


@cache
def _visit() -> Select[LoginSession, float, int, int, DeliveryProfile]:
    # Put together once: every page and every poll that has something to hear asks it.
    return (
        select(
            LoginSession,
            NotificationClock.last,
            unread.message_count_of(User.id),
            activity.unread_count_of(User.id),
            DeliveryProfile,
        )
        .join(LoginSession.user)
        .outerjoin(NotificationClock, NotificationClock.user_id == User.id)
        .outerjoin(DeliveryProfile, DeliveryProfile.user_id == User.id)
        .where(LoginSession.id == bindparam("login_id"), LoginSession.expires_at > bindparam("moment"), User.active)
        .options(joinedload(LoginSession.user))
    )


def visit(login_id: str) -> Visit | None:
    """The login of that id with its person, if it is still good. One statement, so the badge fits its timestamp."""
    row = db.session.execute(_visit(), {"login_id": login_id, "moment": now()}).first()
    if row is None:
        return None
    login, since, unread_messages, unread_activity, profile = row
    user = login.user
    return Visit(
        login=login,
        login_id=login.id,
        user_id=user.id,
        last_seen=user.last_seen,
        unread_messages=int(unread_messages),
        unread_activity=int(unread_activity),
        profile=profile,
        since=float(since or 0.0),
    )
