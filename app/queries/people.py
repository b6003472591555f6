"""Find users by username, lock follows, and load the login of a request."""

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


def lock(user: User) -> None:
    """Lock a user's row until the commit, and reload `user` from the database.

    Call this before changing columns of a user who was loaded before the write transaction. SQLAlchemy writes only the
    values that differ from the loaded ones, so it would skip a value that another request has changed since.
    """
    this = select(User).where(User.id == user.id).with_for_update(key_share=True)
    db.session.scalars(this.execution_options(populate_existing=True)).one()


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
        .where(*_is_live())
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


@built_once
def _role() -> Select[str]:
    return select(User.role).join(LoginSession, LoginSession.user_id == User.id).where(*_is_live())


def role_of_login(login_id: str) -> str | None:
    """Return the current role of the user of a login. None under the conditions of `visit`."""
    return db.session.scalar(_role(), {"login_id": login_id, "moment": now()})


def has_live_login() -> ColumnElement[bool]:
    """Return an SQL expression with the parameters of `login_parameters`: whether the login is live, as in `visit`.

    It is true without a login, for actions outside a request. An action adds it to a statement that runs anyway, and
    raises LoginEnded if it is false. Its view uses `write_transaction(check=False)`.
    """
    none = bindparam("login_id", type_=String).is_(None)
    return or_(none, exists().where(LoginSession.user_id == User.id, *_is_live()).correlate(None))


def lock_login(login_id: str) -> None:
    """Keep a login from being deleted until the commit. Raises LoginEnded if it isn't live."""
    live = select(LoginSession.id).join(LoginSession.user).where(*_is_live())
    live = live.with_for_update(read=True, key_share=True, of=LoginSession)
    if db.session.scalar(live, {"login_id": login_id, "moment": now()}) is None:
        raise LoginEnded


def login_parameters(user: User) -> dict[str, Any]:
    """Return the values for `has_live_login`."""
    login = user.current_login
    return {"login_id": login.id if login else None, "moment": now()}


def _is_live() -> tuple[SQLColumnExpression[bool], ...]:
    moment = bindparam("moment", type_=UtcDateTime)
    return LoginSession.id == bindparam("login_id", type_=String), LoginSession.expires_at > moment, User.active
