"""The Redis cache that answers an idle poll: each user's newest timestamp, and which of their logins are valid.

There is one hash for each user, `microblog:poll:<user id>`. Field `last` is the newest timestamp of the clock, `lease`
is random, `server` is the run of Redis that created the hash. Every other field is the id of a login that may poll.
Three rules keep the hash correct without comparing times (docs/decisions/0003-poll-cache.md has the argument):

    the hash is removed while holding the user's clock lock, before the commit of anything that changes the clock or
    ends a login;
    it is filled with values read under that lock, and only if the lease taken before the lock is still there;
    a hash from another run of Redis counts as missing: data that Redis restores from disk may lack a removal.

So a hash that exists was filled after the last change that could have made it wrong. A writer may die at any moment:
before the removal nothing has changed; after it there is no hash, and the poll queries the database. The lease
(Nishtala et al., "Scaling Memcache at Facebook", NSDI 2013, section 3.2.1) guards against a late fill: its sender has
timed out and released the lock, but the command is still on its way to Redis.
"""

from __future__ import annotations

import secrets
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.core import redis_client
from app.core.clock import now
from app.core.database import connect_nowait
from app.core.redis_client import RedisUnavailable
from app.models import LoginSession, NotificationClock, User
from app.notifications import presence

TTL = 300  # seconds, plus up to a fifth; also the longest delay before an expired login is noticed
# A lease lasts as long as its hash: until the next removal, or the next run of Redis. Taking a lease also marks the
# user as present (presence.py), which does not affect the hash.
LEASE = """
redis.call('SET', KEYS[2], '1', 'EX', ARGV[4])
if redis.call('HGET', KEYS[1], 'server') ~= ARGV[1] then
    redis.call('DEL', KEYS[1])
    redis.call('HSET', KEYS[1], 'server', ARGV[1], 'lease', ARGV[2])
    redis.call('EXPIRE', KEYS[1], ARGV[3])
end
return redis.call('HGET', KEYS[1], 'lease')
"""
FILL = """
if redis.call('HGET', KEYS[1], 'lease') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'last', ARGV[2], ARGV[3], '1')
return 1
"""


def key(user_id: int) -> str:
    """Return the key of a user's hash."""
    return f"microblog:poll:{user_id}"


def stamp(timestamp: float) -> str:
    """Format a timestamp as text that parses to the same float."""
    return repr(timestamp)


def invalidate(user_id: int) -> bool:
    """Remove a user's hash. Return False if Redis is unavailable; the caller must then retry later.

    Call it while holding the user's clock lock, before the commit. It bypasses an open circuit breaker: the breaker
    of another process may be closed, and that process would answer polls from the stale hash.
    """
    try:
        redis_client.execute(lambda client: client.delete(key(user_id)), bypass_breaker=True)
    except RedisUnavailable:
        return False
    return True


def fill(user_id: int, login_id: str) -> None:
    """Fill a user's hash under their clock lock. Do nothing if the lock is taken: a poll never waits for a writer."""
    try:
        # Take the lease before the lock, so that it detects any later removal.
        lease = redis_client.execute(lambda client: _lease(client, user_id))
        with connect_nowait() as connection:
            last = _lock_clock(connection, user_id)
            if last is not None and _login_is_good(connection, login_id):
                redis_client.execute(lambda client: client.eval(FILL, 1, key(user_id), lease, stamp(last), login_id))
    except (OperationalError, PoolTimeout, RedisUnavailable):
        pass  # the next poll tries again


def _lease(client: Any, user_id: int) -> bytes:
    # Random, so that hashes created together don't expire together.
    lifetime = TTL + secrets.randbelow(TTL // 5)
    keys = (key(user_id), presence.key(user_id))
    lease: bytes = client.eval(LEASE, 2, *keys, redis_client.run_id(), secrets.token_hex(8), lifetime, presence.LASTS)
    return lease


def _lock_clock(connection: Connection, user_id: int) -> float | None:
    """Lock and read the clock without waiting. Return None if it is locked or does not exist yet."""
    found: float | None = connection.scalar(
        select(NotificationClock.last).where(NotificationClock.user_id == user_id).with_for_update(skip_locked=True)
    )
    return found


def _login_is_good(connection: Connection, login_id: str) -> bool:
    """Check the login as the session query does: it may have ended since the request began."""
    login = select(LoginSession.id).join(User, User.id == LoginSession.user_id)
    login = login.where(LoginSession.id == login_id, LoginSession.expires_at > now(), User.active)
    return connection.scalar(login) is not None
