"""Redis client with short timeouts and a circuit breaker: an outage costs a request at most one second.

There are no hidden retries (a repeated push would queue a job twice). After a failure the circuit breaker stops calls
for a moment, so an outage costs one timeout, not one for each command. Redis is never the source of truth; the database
is.
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
BYPASS_TIMEOUT = 0.1  # for calls that bypass an open breaker: writers may wait for the caller's lock
OPEN_FOR = 2.0  # seconds the breaker stays open after a failure
T = TypeVar("T")
# For every client used in a request. Retries would multiply the timeout.
CLIENT_OPTIONS: dict[str, Any] = {
    "socket_timeout": TIMEOUT,
    "socket_connect_timeout": TIMEOUT,
    "retry": Retry(NoBackoff(), 0),
    "health_check_interval": 0,
}


class RedisUnavailable(Exception):
    """Redis did not answer in time, or the breaker is open. The caller continues without Redis."""


class Breaker:
    """A circuit breaker for one process: when closed it lets calls through, when open it refuses them at once."""

    def __init__(self) -> None:
        self._open_until = 0.0

    @property
    def is_open(self) -> bool:
        """Whether Redis failed within the last OPEN_FOR seconds."""
        return time.monotonic() < self._open_until

    def call(self, ask: Callable[[], T], *, bypass_breaker: bool = False) -> T:
        """Run `ask`. Raises RedisUnavailable if Redis fails, or if the breaker is open and not bypassed."""
        if self.is_open and not bypass_breaker:
            raise RedisUnavailable("the circuit breaker is open")
        try:
            answer = ask()
        except redis.ResponseError as error:
            # An error such as "out of memory" fails at once, and the next command may succeed. If it opened the
            # breaker, a Redis that is full would also keep stale entries from being removed.
            raise RedisUnavailable(str(error)) from error
        except (redis.RedisError, OSError) as error:
            self._open_until = time.monotonic() + OPEN_FOR
            raise RedisUnavailable(str(error)) from error
        self._open_until = 0.0
        return answer


class ServerRun:
    """The run id of the Redis server that this process talks to; it changes after a restart or a failover.

    It is read on each new connection, as no connection outlives the server.
    """

    def __init__(self) -> None:
        self.id = b""

    def greet(self, connection: Any) -> None:
        """Set up a new connection as redis-py does, then read the run id."""
        connection.on_connect()
        connection.send_command("INFO", "server")
        found = re.search(rb"^run_id:(\w+)", connection.read_response(disable_decoding=True), re.MULTILINE)
        self.id = found.group(1) if found else b""


class FastConnection:
    """Short commands, one at a time, with one connection for each thread.

    redis-py's client takes a connection from a pool for each command, checks it, records metrics, and returns it.
    That would be four fifths of the cost of an idle poll's command.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._pool: Any = client.connection_pool
        self._local = threading.local()

    def ask(self, *command: str) -> Any:
        """Send a command and return the answer. Raises what the client raises.

        For read-only commands only: the command may be sent twice.
        """
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._pool.connection_class(**self._pool.connection_kwargs)
        try:
            connection.send_command(*command)
            return connection.read_response()
        except redis.ConnectionError:
            # Redis, or a proxy, closed the connection since the last command. Sending reconnects.
            connection.send_command(*command)
            return connection.read_response()


def connect(url: str, run: ServerRun, timeout: float = TIMEOUT) -> redis.Redis:
    """Return a client for use in requests, with `timeout` seconds for each answer; it keeps `run` up to date."""
    manners = {**CLIENT_OPTIONS, "socket_timeout": timeout, "socket_connect_timeout": timeout}
    return redis.Redis.from_url(url, **manners, redis_connect_func=run.greet)


def connect_patiently(url: str) -> redis.Redis:
    """Return a client whose reads may block, for the worker that waits for jobs."""
    return redis.Redis.from_url(url, socket_connect_timeout=5, retry=Retry(NoBackoff(), 0))


def init_app(app: Any) -> None:
    """Set up the app's Redis clients and breaker. No connection is made before the first command."""
    app.extensions["redis_run"] = ServerRun()
    app.extensions["redis"] = connect(app.config["REDIS_URL"], app.extensions["redis_run"])
    app.extensions["redis_in_doubt"] = connect(app.config["REDIS_URL"], app.extensions["redis_run"], BYPASS_TIMEOUT)
    app.extensions["redis_line"] = FastConnection(app.extensions["redis"])
    app.extensions["redis_breaker"] = Breaker()


def client() -> redis.Redis:
    """Return the current app's client, without the breaker: what `execute` passes to a command."""
    found: redis.Redis = current_app.extensions["redis"]
    return found


def run_id() -> bytes:
    """Return the run id of the current app's Redis server; b"" before the first command."""
    run: ServerRun = current_app.extensions["redis_run"]
    return run.id


def execute(command: Callable[[redis.Redis], T], *, bypass_breaker: bool = False) -> T:
    """Run `command(client)` behind the breaker, unless it is bypassed. Raises RedisUnavailable."""
    breaker: Breaker = current_app.extensions["redis_breaker"]
    asked = current_app.extensions["redis_in_doubt"] if bypass_breaker and breaker.is_open else client()
    return breaker.call(lambda: command(asked), bypass_breaker=bypass_breaker)
