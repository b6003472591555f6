"""Presence: which users have polled recently, so probably have a page open. Stored in Redis as keys that expire.

Some states matter only on open pages, so they are published only to users who are present. Other users see such a state
when they next load a page. Not publishing it to them saves a transaction that locks the user's clock, and the SQL
queries of the user's next poll.
"""

from __future__ import annotations

from collections.abc import Sequence

from app.core import redis_client
from app.core.redis_client import RedisUnavailable

# Seconds. A key is renewed only when a poll is answered from the database (poll_cache.py). So it must last longer than
# a cached answer (at most six minutes), and longer than the longest poll interval of a busy server.
TTL = 600


def key(user_id: int) -> str:
    """Return the Redis key that marks a user as present."""
    return f"microblog:present:{user_id}"


def present_users(user_ids: Sequence[int]) -> list[int]:
    """Return the ids in `user_ids` whose users are present, in the same order. Empty if Redis is unavailable."""
    if not user_ids:
        return []
    try:
        found = redis_client.execute(lambda client: client.mget([key(user_id) for user_id in user_ids]))
    except RedisUnavailable:
        return []
    return [user_id for user_id, value in zip(user_ids, found, strict=True) if value is not None]
