"""Redis, with manners: it may be slow, paused or gone, and that may cost a request at most a second.

Short socket timeouts, no hidden retries (a repeated push would queue a job twice), and a circuit breaker: after a
failure the process does not ask again for a moment, so an outage costs one timeout and not one for each command.
Nothing is true because Redis says so; the database stands behind every answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

import redis
from flask import current_app
from redis.backoff import NoBackoff
from redis.retry import Retry

TIMEOUT = 0.5  # seconds for connecting and for each answer
OPEN_FOR = 2.0  # seconds the breaker stays open after a failure
T = TypeVar("T")
# For every client that a request waits for. Retries would multiply the timeout.
MANNERS: dict[str, Any] = {
    "socket_timeout": TIMEOUT,
    "socket_connect_timeout": TIMEOUT,
    "retry": Retry(NoBackoff(), 0),
    "health_check_interval": 0,
}


class RedisUnavailable(Exception):
    """Redis did not answer in time, or the breaker is open. The caller goes on without it."""


class Breaker:
    """A circuit breaker for one process: closed it lets calls through, open it refuses at once."""

    def __init__(self) -> None:
        self._open_until = 0.0

    def call(self, ask: Callable[[], T]) -> T:
        """Run `ask`. Raises RedisUnavailable when Redis fails or has just failed."""
        if time.monotonic() < self._open_until:
            raise RedisUnavailable("the circuit breaker is open")
        try:
            return ask()
        except (redis.RedisError, OSError) as error:
            self._open_until = time.monotonic() + OPEN_FOR
            raise RedisUnavailable(str(error)) from error


def connect(url: str) -> redis.Redis:
    """A client for `url` that a request may wait for."""
    return redis.Redis.from_url(url, **MANNERS)


def connect_patiently(url: str) -> redis.Redis:
    """A client for `url` whose reads may block: the worker waits for jobs all day."""
    return redis.Redis.from_url(url, socket_connect_timeout=5, retry=Retry(NoBackoff(), 0))


def init_app(app: Any) -> None:
    """Give the app its client and its breaker. No connection is made before the first command."""
    app.extensions["redis"] = connect(app.config["REDIS_URL"])
    app.extensions["redis_breaker"] = Breaker()


def client() -> redis.Redis:
    """The current app's client, unguarded: for callers that handle redis.RedisError themselves."""
    found: redis.Redis = current_app.extensions["redis"]
    return found


def ask(command: Callable[[redis.Redis], T]) -> T:
    """Run `command(client)` behind the breaker. Raises RedisUnavailable."""
    breaker: Breaker = current_app.extensions["redis_breaker"]
    return breaker.call(lambda: command(client()))
