"""Find users by username, lock follows, and load the login of a request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import joinedload

from app.core.database import advisory_lock, built_once
from app.core.time import now
from app.extensions import db
from app.lib.text.names import username_key
from app.models import DeliveryProfile, LoginSession, NotificationClock, User
from app.queries import activity, unread


@dataclass(frozen=True)
class Visit:
    """The login of a request, and the data about its user that every page shows. Loaded in one query."""

    login: LoginSession
    login_id: str  # this and the next two are copies of columns, because a rollback expires the loaded rows
    user_id: int
    last_seen: datetime | None
    unread_messages: int
    unread_activity: int
    profile: DeliveryProfile | None  # delivery settings; None = the defaults
    since: float  # timestamp of the newest notification that the page already includes


def by_username(username: str) -> User | None:
    """Return the active user with this username; None if there is none. Case and letter width are ignored."""
    return db.session.scalar(select(User).where(User.username_key == username_key(username), User.active))


def by_usernames(usernames: Sequence[str]) -> Sequence[User]:
    """Return the active users with these usernames, ordered by id. Unknown names are ignored."""
    keys = {username_key(name) for name in usernames}
    return db.session.scalars(select(User).where(User.username_key.in_(keys), User.active).order_by(User.id)).all()


def lock_follow(follower: User, followed: User) -> None:
    """Lock a follow until the commit, so that no block of these users can run at the same time. Uses an advisory lock.

    The rows of the users are not locked. So two users who follow a third one don't wait for each other.
    """
    advisory_lock(_follow(follower, followed))


def lock_follows(one: User, other: User) -> None:
    """Lock the follows in both directions until the commit, for a block. Uses advisory locks."""
    advisory_lock(_follow(one, other), _follow(other, one))


def _follow(follower: User, followed: User) -> str:
    return f"follow:{follower.id}:{followed.id}"


@built_once
def _visit() -> Select[LoginSession, float, int, int, DeliveryProfile]:
    # Built once, because it runs for every page, and for every poll that isn't idle.
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
    """Return the `Visit` of a login; None if the login is unknown or expired, or if its user is inactive.

    One statement, so that the badge counts and the timestamp are consistent.
    """
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
