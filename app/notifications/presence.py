"""Who is looking: people of whom a poll has come lately, as keys in Redis that run out by themselves.

Telling somebody costs a transaction under their clock, and their next poll four statements. For what only a page that
is open shows, that is spent on those who look. Whoever comes later loads a page, and sees it there.
"""

from __future__ import annotations

from collections.abc import Sequence

from app.core import redis_client
from app.core.redis_client import RedisUnavailable

# Seconds. Renewed when a poll reaches the database (poll_cache.py): longer than a poll's answer can live there, six
# minutes, and the longest interval that a busy server asks of pollers.
LASTS = 600


def key(user_id: int) -> str:
    """The name of a person's key."""
    return f"microblog:present:{user_id}"


def viewing(user_ids: Sequence[int]) -> list[int]:
    """Those of `user_ids` who are looking, in their order. Nobody when Redis is away."""
    if not user_ids:
        return []
    try:
        found = redis_client.execute(lambda client: client.mget([key(user_id) for user_id in user_ids]))
    except RedisUnavailable:
        return []
    return [user_id for user_id, value in zip(user_ids, found, strict=True) if value is not None]
