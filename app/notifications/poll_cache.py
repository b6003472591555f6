"""The Redis copy that answers an idle poll: each person's newest timestamp, and which of their logins are good.

One hash a person, `microblog:poll:<user id>`: field `last` is the clock's newest timestamp, `lease` is random, `server`
is the run of Redis that made the hash, and every other field is the id of a login that may poll. Three rules keep it
true without any clock (docs/decisions/0003-poll-cache.md has the argument):

    the hash is removed while holding the person's clock lock, before the commit of whatever changes the clock or ends
    a login;
    it is filled with what was read under that lock, and only if the lease taken before the lock is still there;
    a hash from another run of Redis counts as missing: what Redis restores from its disk may lack a removal.

So a hash that says something was filled after the last change that could have made it wrong. A writer may die at any
moment: before the removal nothing has happened, after it there is no hash, and the poll asks the database. The lease
(Nishtala et al., "Scaling Memcache at Facebook", NSDI 2013, section 3.2.1) is for a fill that arrives late: its sender
has given up waiting and let the lock go, but the bytes are still on their way.
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

TTL = 300  # seconds; a login that expires is noticed after a fifth more at most
# A lease lasts as long as its hash: from the first who asks for one until the next removal, or the next run of Redis.
# Whoever asks for one is looking, which is noted beside the hash and plays no part in what it says (presence.py).
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
    """The name of a person's hash."""
    return f"microblog:poll:{user_id}"


def stamp(timestamp: float) -> str:
    """A timestamp as text that gives back the same float."""
    return repr(timestamp)


def invalidate(user_id: int) -> bool:
    """Remove a person's hash; False when Redis is away, and the caller must see to it later.

    Call it while holding the person's clock lock, before the commit. It is tried though the circuit breaker be open:
    that of another process may be closed, and Redis answer its polls with what we did not remove.
    """
    try:
        redis_client.execute(lambda client: client.delete(key(user_id)), bypass_breaker=True)
    except RedisUnavailable:
        return False
    return True


def fill(user_id: int, login_id: str) -> None:
    """Put a person's hash in place, under their clock lock. Does nothing when somebody holds the lock just now:
    a poll never waits for a writer.
    """
    try:
        lease = redis_client.execute(
            lambda client: _lease(client, user_id)
        )  # before the lock, or it would prove nothing
        with connect_nowait() as connection:
            last = _lock_clock(connection, user_id)
            if last is not None and _login_is_good(connection, login_id):
                redis_client.execute(lambda client: client.eval(FILL, 1, key(user_id), lease, stamp(last), login_id))
    except (OperationalError, PoolTimeout, RedisUnavailable):
        pass  # the next poll may have more luck


def _lease(client: Any, user_id: int) -> bytes:
    # The lifetime varies, so that hashes made together do not all run out together.
    lifetime = TTL + secrets.randbelow(TTL // 5)
    keys = (key(user_id), presence.key(user_id))
    lease: bytes = client.eval(LEASE, 2, *keys, redis_client.run_id(), secrets.token_hex(8), lifetime, presence.LASTS)
    return lease


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
