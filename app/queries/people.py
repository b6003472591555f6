"""Find users by username, load the login of a request, and lock users, follows and logins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, SQLColumnExpression, String, bindparam, exists, or_, select
from sqlalchemy.orm import joinedload

from app.core.database import UtcDateTime, advisory_lock, built_once
from app.core.exceptions import LoginEnded
from app.core.time import now
from app.extensions import db
from app.lib.text.names import username_key
from app.models import DeliveryProfile, LoginSession, NotificationClock, User
from app.queries import activity, unread


@dataclass(frozen=True)
class Visit:
    """The login of a request, and the data about its user that every page shows.

    All of it is loaded with one query.
    """

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


def lock(user: User) -> None:
    """Lock a user's row until the commit, and reload `user` from the database.

    Call this before changing columns of a user who was loaded before the write transaction. SQLAlchemy writes only
    values that differ from the loaded ones. Without the reload, SQLAlchemy would not write a new value that equals the
    loaded one, even if another request has changed the column in the meantime.
    """
    this = select(User).where(User.id == user.id).with_for_update(key_share=True)
    db.session.scalars(this.execution_options(populate_existing=True)).one()


def lock_follow(follower: User, followed: User) -> None:
    """Lock the relation "`follower` follows `followed`" until the commit, with an advisory lock.

    A block between the two users takes the same lock (`lock_follows`), so the block must wait for the commit. The rows
    of the users are not locked, so that two users who follow a third one don't wait for each other.
    """
    advisory_lock(_follow(follower, followed))


def lock_follows(one: User, other: User) -> None:
    """Take the locks of `lock_follow` in both directions until the commit. Call this before blocking a user."""
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
        .where(*_is_live())
        .options(joinedload(LoginSession.user))
    )


def visit(login_id: str) -> Visit | None:
    """Return the `Visit` of a login; None if the login is unknown or expired, or if its user is inactive.

    All data is loaded with one statement, so that the badge counts and the timestamp are consistent.
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


@built_once
def _role() -> Select[str]:
    return select(User.role).join(LoginSession, LoginSession.user_id == User.id).where(*_is_live())


def role_of_login(login_id: str) -> str | None:
    """Return the current role of the user of a login.

    Return None if the login is unknown or expired, or if its user is inactive.
    """
    return db.session.scalar(_role(), {"login_id": login_id, "moment": now()})


def has_live_login() -> ColumnElement[bool]:
    """Return an SQL expression that is true if the current login is still valid (by the same rule as `visit`).

    The values of its bind parameters come from `login_parameters`. Outside a request, there is no login to check, so
    the expression is true.

    An action adds the expression to a query that it runs anyway, and raises LoginEnded if the value is false. Its route
    uses `write_transaction(check=False)`, because it need not check the login a second time.
    """
    none = bindparam("login_id", type_=String).is_(None)
    return or_(none, exists().where(LoginSession.user_id == User.id, *_is_live()).correlate(None))


def lock_login(login_id: str) -> None:
    """Lock a login until the commit, so that it can't be deleted.

    Raises LoginEnded if the login is unknown or expired, or if its user is inactive.
    """
    live = select(LoginSession.id).join(LoginSession.user).where(*_is_live())
    live = live.with_for_update(read=True, key_share=True, of=LoginSession)
    if db.session.scalar(live, {"login_id": login_id, "moment": now()}) is None:
        raise LoginEnded


def login_parameters(user: User) -> dict[str, Any]:
    """Return the values of the bind parameters of `has_live_login` for the current login of `user`."""
    login = user.current_login
    return {"login_id": login.id if login else None, "moment": now()}


def _is_live() -> tuple[SQLColumnExpression[bool], ...]:
    moment = bindparam("moment", type_=UtcDateTime)
    return LoginSession.id == bindparam("login_id", type_=String), LoginSession.expires_at > moment, User.active
