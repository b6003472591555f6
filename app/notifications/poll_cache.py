"""A cache in Redis, with which polls are answered without SQL if the user has no new notification.

Each user has one hash, `microblog:poll:<user id>`, with these fields:

    last          the value of the user's notification clock (the row in `notification_clock`), which is the timestamp
                  of the user's newest notification
    <login id>    "1" if the login with this id may poll; one field for each login
    lease         a random token, which is new whenever the hash is created
    server        the run id of the Redis server that created the hash

A new hash has only `server` and `lease`. Filling it adds `last` and a login. Three rules ensure that a filled hash
never contains outdated values (proof in docs/decisions/0003-poll-cache.md):

- A transaction that advances the user's clock or ends a login locks the clock and removes the hash before it commits.
- To fill the hash, a process reads the lease, locks the clock, and reads the clock and the login from the database. The
  process then writes them, but only if the lease has not changed in the meantime.
- A hash with another run id is treated as missing, because a restarted Redis may restore a hash that had been removed.

A process may crash in a transaction that advances the clock or ends a login. If this happens before it removes the
hash, its changes are rolled back. If it happens afterwards, the hash is missing, and polls query the database. If Redis
is unavailable, the transaction commits anyway, and a job removes the hash later (outbox.py).

The lease also prevents a delayed fill: a process sends the command, times out and releases the lock, and only then does
the command reach Redis. By then, the lease may have changed, and nothing is written. See Nishtala et al., "Scaling
Memcache at Facebook", NSDI 2013, section 3.2.1.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from sqlalchemy import Connection, Select, bindparam, literal, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.core import redis_client
from app.core.database import built_once, connect_nowait
from app.core.redis_client import RedisUnavailable
from app.core.time import now
from app.models import LoginSession, NotificationClock, User
from app.notifications import presence

T = TypeVar("T")
TTL = 300  # seconds, plus up to a fifth at random; an expired login may poll from the cache for that long
# Returns the lease of the hash. Creates the hash first if it is missing or has another run id. Also marks the user as
# present (presence.py).
LEASE = """
redis.call('SET', KEYS[2], '1', 'EX', ARGV[4])
if redis.call('HGET', KEYS[1], 'server') ~= ARGV[1] then
    redis.call('DEL', KEYS[1])
    redis.call('HSET', KEYS[1], 'server', ARGV[1], 'lease', ARGV[2])
    redis.call('EXPIRE', KEYS[1], ARGV[3])
end
return redis.call('HGET', KEYS[1], 'lease')
"""
# Fills the hash if its lease has not changed. Returns whether it did.
FILL = """
if redis.call('HGET', KEYS[1], 'lease') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'last', ARGV[2], ARGV[3], '1')
return 1
"""


def key(user_id: int) -> str:
    """Return the Redis key of a user's hash."""
    return f"microblog:poll:{user_id}"


def format_timestamp(timestamp: float) -> str:
    """Format a timestamp as text that parses to the same float."""
    return repr(timestamp)


def invalidate(*user_ids: int) -> bool:
    """Remove the hashes of users. Return False if Redis is unavailable. The caller must then try again later.

    Call this while the clocks of these users are locked, and before the commit. One command removes all hashes, so that
    an outage costs one timeout. The command is sent even if this process's circuit breaker is open. The breaker of
    another process may be closed, and that process would answer polls from an outdated hash.
    """
    try:
        redis_client.execute(lambda client: client.delete(*map(key, user_ids)), bypass_breaker=True)
    except RedisUnavailable:
        return False
    return True


def fill(user_id: int, login_id: str) -> None:
    """Fill a user's hash, so that polls with this login are answered without SQL. Do nothing if the login has ended."""

    def read(connection: Connection, _last: float) -> bool | None:
        # The login may have ended since the request began.
        values = {"user_id": user_id, "login_id": login_id, "moment": now()}
        return True if connection.scalar(_one_if_valid(), values) else None

    read_and_fill(user_id, login_id, read)


def read_and_fill(user_id: int, login_id: str, read: Callable[[Connection, float], T | None]) -> T | None:
    """Lock a user's clock, call `read`, and fill the user's hash. Return the value that `read` returned.

    `read(connection, last)` gets a database connection and the value of the clock. It must return None if the login is
    not valid (see `valid_login`). In that case, the hash is not filled.

    Return None without calling `read` if another transaction has locked the clock, because a poll must not wait for a
    lock. Return None, too, if the database or Redis is unavailable. The next poll tries again.
    """
    try:
        # Take the lease before the lock, so that it detects any later removal.
        lease = redis_client.execute(lambda client: _lease(client, user_id))
        with connect_nowait() as connection:
            last = _lock_clock(connection, user_id)
            found = read(connection, last) if last is not None else None
    except (DBAPIError, PoolTimeout, RedisUnavailable):
        return None
    if last is not None and found is not None:
        # No lock is needed: if a writer has removed the hash since, the lease has changed.
        value = format_timestamp(last)
        with suppress(RedisUnavailable):
            redis_client.execute(lambda client: client.eval(FILL, 1, key(user_id), lease, value, login_id))
    return found


def _lease(client: Any, user_id: int) -> bytes:
    # A random lifetime, so that hashes created at the same time don't all expire at the same time.
    lifetime = TTL + secrets.randbelow(TTL // 5)
    keys = (key(user_id), presence.key(user_id))
    lease: bytes = client.eval(LEASE, 2, *keys, redis_client.run_id(), secrets.token_hex(8), lifetime, presence.TTL)
    return lease


def _lock_clock(connection: Connection, user_id: int) -> float | None:
    """Lock the user's clock without waiting, and return its value.

    Return None if another transaction has locked the clock, or if the user has no clock yet.
    """
    found: float | None = connection.scalar(_clock(), {"user_id": user_id})
    return found


def valid_login(*columns: Any) -> Select[Any]:
    """Return a query of `columns` that has a row only if a login is valid.

    The bind parameters are `login_id`, `user_id` and `moment`, the current time. The conditions are the same as in the
    query that loads the session (`visit` in app/queries/people.py).
    """
    login = select(*columns).select_from(LoginSession).join(User, User.id == LoginSession.user_id)
    is_it = LoginSession.id == bindparam("login_id"), LoginSession.user_id == bindparam("user_id")
    return login.where(*is_it, LoginSession.expires_at > bindparam("moment"), User.active)


@built_once
def _clock() -> Select[float]:
    clock = select(NotificationClock.last).where(NotificationClock.user_id == bindparam("user_id"))
    return clock.with_for_update(skip_locked=True)


@built_once
def _one_if_valid() -> Select[int]:
    return valid_login(literal(1))
