"""Redis, with manners: it may be slow, paused or gone, and that may cost a request at most a second.

Short socket timeouts, no hidden retries (a repeated push would queue a job twice), and a circuit breaker: after a
failure the process does not ask again for a moment, so an outage costs one timeout and not one for each command.
Nothing is true because Redis says so; the database stands behind every answer.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

import redis
from flask import current_app
from redis.backoff import NoBackoff
from redis.retry import Retry

TIMEOUT = 0.5  # seconds for connecting and for each answer
BYPASS_TIMEOUT = 0.1  # the same for who insists while the breaker is open: writers may be waiting for the lock we hold
OPEN_FOR = 2.0  # seconds the breaker stays open after a failure
T = TypeVar("T")
# For every client that a request waits for. Retries would multiply the timeout.
CLIENT_OPTIONS: dict[str, Any] = {
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

    @property
    def is_open(self) -> bool:
        """Whether Redis has just failed."""
        return time.monotonic() < self._open_until

    def call(self, ask: Callable[[], T], *, bypass_breaker: bool = False) -> T:
        """Run `ask`. Raises RedisUnavailable when Redis fails or, unless the caller insists, has just failed."""
        if self.is_open and not bypass_breaker:
            raise RedisUnavailable("the circuit breaker is open")
        try:
            answer = ask()
        except redis.ResponseError as error:
            # "Out of memory" and the like: this command failed at once, and the next may well work. Were the breaker to
            # open, a Redis that takes nothing more would also keep its old answers from being removed.
            raise RedisUnavailable(str(error)) from error
        except (redis.RedisError, OSError) as error:
            self._open_until = time.monotonic() + OPEN_FOR
            raise RedisUnavailable(str(error)) from error
        self._open_until = 0.0
        return answer


class ServerRun:
    """Which run of the Redis server this process talks to; another one after a restart or a failover.

    Asked on each new connection, as none outlives the server.
    """

    def __init__(self) -> None:
        self.id = b""

    def greet(self, connection: Any) -> None:
        """What redis-py does on a new connection, and the question."""
        connection.on_connect()
        connection.send_command("INFO", "server")
        found = re.search(rb"^run_id:(\w+)", connection.read_response(disable_decoding=True), re.MULTILINE)
        self.id = found.group(1) if found else b""


class FastConnection:
    """One short question after the other, each thread on a connection of its own.

    redis-py's client takes a connection from a pool for each command, looks whether it is still good, measures, and
    gives it back: four fifths of what an idle poll would pay for its question.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._pool: Any = client.connection_pool
        self._local = threading.local()

    def ask(self, *command: str) -> Any:
        """Redis' answer. For questions only: one may be put twice. Raises what the client raises."""
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._pool.connection_class(**self._pool.connection_kwargs)
        try:
            connection.send_command(*command)
            return connection.read_response()
        except redis.ConnectionError:
            # Redis, or somebody between, closed it since the last question. It is made anew by sending.
            connection.send_command(*command)
            return connection.read_response()


def connect(url: str, run: ServerRun, timeout: float = TIMEOUT) -> redis.Redis:
    """A client for `url` that a request may wait for, `timeout` seconds an answer; it keeps `run` up to date."""
    manners = {**CLIENT_OPTIONS, "socket_timeout": timeout, "socket_connect_timeout": timeout}
    return redis.Redis.from_url(url, **manners, redis_connect_func=run.greet)


def connect_patiently(url: str) -> redis.Redis:
    """A client for `url` whose reads may block: the worker waits for jobs all day."""
    return redis.Redis.from_url(url, socket_connect_timeout=5, retry=Retry(NoBackoff(), 0))


def init_app(app: Any) -> None:
    """Give the app its client, its line and its breaker. No connection is made before the first command."""
    app.extensions["redis_run"] = ServerRun()
    app.extensions["redis"] = connect(app.config["REDIS_URL"], app.extensions["redis_run"])
    app.extensions["redis_in_doubt"] = connect(app.config["REDIS_URL"], app.extensions["redis_run"], BYPASS_TIMEOUT)
    app.extensions["redis_line"] = FastConnection(app.extensions["redis"])
    app.extensions["redis_breaker"] = Breaker()


def client() -> redis.Redis:
    """The current app's client, without the breaker: what `ask` hands to a command."""
    found: redis.Redis = current_app.extensions["redis"]
    return found


def run_id() -> bytes:
    """The run of Redis that the current app talks to; b"" before the first command."""
    run: ServerRun = current_app.extensions["redis_run"]
    return run.id


def execute(command: Callable[[redis.Redis], T], *, bypass_breaker: bool = False) -> T:
    """Run `command(client)` behind the breaker, or through it for who insists. Raises RedisUnavailable."""
    breaker: Breaker = current_app.extensions["redis_breaker"]
    asked = current_app.extensions["redis_in_doubt"] if bypass_breaker and breaker.is_open else client()
    return breaker.call(lambda: command(asked), bypass_breaker=bypass_breaker)
