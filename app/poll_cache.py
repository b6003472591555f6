"""The Redis copy that answers an idle poll: each person's newest timestamp, and which of their logins are good.

One hash a person, `microblog:poll:<user id>`: field `last` is the clock's newest timestamp, every other field is the
id of a login that may poll. One rule keeps it true without any clock (docs/decisions/0003-poll-cache.md has the
argument):

    the hash is filled only while holding the person's clock lock, and removed while holding it too, before the commit
    of whatever changes the clock or ends a login.

So a hash that is there was filled after the last change that could have made it wrong. A writer may die at any
moment: before the removal nothing has happened, after it there is no hash, and the poll asks the database.
"""

from __future__ import annotations

import secrets
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.exc import OperationalError

from app import redis_client
from app.clock import now
from app.database import impatient
from app.models import LoginSession, NotificationClock, User
from app.redis_client import RedisUnavailable

TTL = 300  # seconds; a login that expires is noticed after this long at most


def key(user_id: int) -> str:
    """The name of a person's hash."""
    return f"microblog:poll:{user_id}"


def stamp(timestamp: float) -> str:
    """A timestamp as text that gives back the same float."""
    return repr(timestamp)


def forget(user_id: int) -> bool:
    """Remove a person's hash; False when Redis is away, and the caller must see to it later.

    Call it while holding the person's clock lock, before the commit.
    """
    try:
        redis_client.ask(lambda client: client.delete(key(user_id)))
    except RedisUnavailable:
        return False
    return True


def fill(user_id: int, login_id: str) -> None:
    """Put a person's hash in place, under their clock lock. Does nothing when somebody holds the lock just now:
    a poll never waits for a writer.
    """
    try:
        with impatient() as connection:
            last = _lock_clock(connection, user_id)
            if last is not None and _login_is_good(connection, login_id):
                redis_client.ask(lambda client: _put(client, user_id, login_id, last))
    except (OperationalError, RedisUnavailable):
        pass  # the next poll may have more luck


def _put(client: Any, user_id: int, login_id: str, last: float) -> None:
    # The lifetime varies, so that hashes made together do not all run out together.
    lifetime = TTL + secrets.randbelow(TTL // 5)
    pipe = client.pipeline(transaction=True)
    pipe.hset(key(user_id), mapping={"last": stamp(last), login_id: "1"})
    pipe.expire(key(user_id), lifetime)
    pipe.execute()


def _lock_clock(connection: Connection, user_id: int) -> float | None:
    """Take the clock lock without waiting, and read the clock. None when it is taken or there is no clock yet."""
    found: float | None = connection.scalar(
        select(NotificationClock.last).where(NotificationClock.user_id == user_id).with_for_update(skip_locked=True)
    )
    return found


def _login_is_good(connection: Connection, login_id: str) -> bool:
    """As the session query asks it: the request may have begun before the login ended."""
    login = select(LoginSession.id).join(User, User.id == LoginSession.user_id)
    login = login.where(LoginSession.id == login_id, LoginSession.expires_at > now(), User.active)
    return connection.scalar(login) is not None
