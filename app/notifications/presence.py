"""Presence: which users have polled lately, as Redis keys that expire.

Publishing a state costs a transaction under the user's clock lock, and their next poll costs four statements. Some
states only matter on an open page, so they are published only to users who are present. A user who comes later loads a
page that shows the state.
"""

from __future__ import annotations

from collections.abc import Sequence

from app.core import redis_client
from app.core.redis_client import RedisUnavailable

# Seconds. Renewed when a poll reaches the database (poll_cache.py). Longer than a poll's answer stays in the cache (six
# minutes), and longer than the longest poll interval of a busy server.
LASTS = 600


def key(user_id: int) -> str:
    """Return the key that marks a user as present."""
    return f"microblog:present:{user_id}"


def viewing(user_ids: Sequence[int]) -> list[int]:
    """Return those of `user_ids` who are present, in the same order; an empty list if Redis is unavailable."""
    if not user_ids:
        return []
    try:
        found = redis_client.execute(lambda client: client.mget([key(user_id) for user_id in user_ids]))
    except RedisUnavailable:
        return []
    return [user_id for user_id, value in zip(user_ids, found, strict=True) if value is not None]
