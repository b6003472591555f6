"""A Redis client with short timeouts and a circuit breaker. An outage delays a request by one second at most.

After a failure, the circuit breaker rejects all calls for OPEN_FOR seconds, so that they don't wait for the timeout
too. Commands are not retried automatically, because a repeated push could run a job twice. The database is the source
of truth: Redis may lose its data at any time.
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

TIMEOUT = 0.5  # seconds for connecting, and for each answer
BYPASS_TIMEOUT = 0.1  # for calls that bypass an open breaker; shorter, because the caller may hold a database lock
OPEN_FOR = 2.0  # seconds that the breaker stays open after a failure
T = TypeVar("T")
# Options of the clients that requests use. Retries would multiply the timeout.
CLIENT_OPTIONS: dict[str, Any] = {
    "socket_timeout": TIMEOUT,
    "socket_connect_timeout": TIMEOUT,
    "retry": Retry(NoBackoff(), 0),
    "health_check_interval": 0,
}


class RedisUnavailable(Exception):
    """Redis failed or did not answer in time, or the circuit breaker is open. Callers continue without Redis."""


class Breaker:
    """The circuit breaker of a process. While it is closed, Redis is called. While it is open, calls fail at once."""

    def __init__(self) -> None:
        self._open_until = 0.0

    @property
    def is_open(self) -> bool:
        """Whether the breaker is open: Redis failed within the last OPEN_FOR seconds."""
        return time.monotonic() < self._open_until

    def call(self, ask: Callable[[], T], *, bypass_breaker: bool = False) -> T:
        """Call `ask`, which sends a command to Redis, and return the result.

        Raises RedisUnavailable if the call fails, or if the breaker is open and `bypass_breaker` is false.
        """
        if self.is_open and not bypass_breaker:
            raise RedisUnavailable("the circuit breaker is open")
        try:
            answer = ask()
        except redis.ResponseError as error:
            # Redis rejected the command, for example because its memory is full. The breaker stays closed: such an
            # answer is fast, and other commands still succeed, such as the removal of outdated cache entries.
            raise RedisUnavailable(str(error)) from error
        except (redis.RedisError, OSError) as error:
            self._open_until = time.monotonic() + OPEN_FOR
            raise RedisUnavailable(str(error)) from error
        self._open_until = 0.0
        return answer


class ServerRun:
    """The run id of the Redis server that this process uses. It changes after a restart or a failover of the server.

    The poll cache uses the id to reject data from an earlier run (app/notifications/poll_cache.py). The id is read on
    each new connection. That is enough, because a restart closes all connections.
    """

    def __init__(self) -> None:
        self.id = b""

    def on_connect(self, connection: Any) -> None:
        """Set up a new connection as redis-py does, and store the run id of the server."""
        connection.on_connect()
        connection.send_command("INFO", "server")
        found = re.search(rb"^run_id:(\w+)", connection.read_response(disable_decoding=True), re.MULTILINE)
        self.id = found.group(1) if found else b""


class FastConnection:
    """A minimal Redis client for polls that find nothing new. It has one connection for each thread.

    For each command, redis-py takes a connection from a pool, checks it, records metrics, and returns it to the pool.
    For such a poll, this overhead would be 80 % of the time that the Redis command takes.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._pool: Any = client.connection_pool
        self._local = threading.local()

    def ask(self, *command: str) -> Any:
        """Send a command and return the answer. Raises the errors of redis-py.

        Use this only for read-only commands, because the command is sent again if the connection is lost.
        """
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._pool.connection_class(**self._pool.connection_kwargs)
        try:
            connection.send_command(*command)
            return connection.read_response()
        except redis.ConnectionError:
            # Redis or a proxy closed the idle connection. send_command opens a new one.
            connection.send_command(*command)
            return connection.read_response()


def connect(url: str, run: ServerRun, timeout: float = TIMEOUT) -> redis.Redis:
    """Return a client for use in requests. It waits at most `timeout` seconds for a connection, and for each answer.

    Each new connection stores the server's run id in `run`.
    """
    manners = {**CLIENT_OPTIONS, "socket_timeout": timeout, "socket_connect_timeout": timeout}
    return redis.Redis.from_url(url, **manners, redis_connect_func=run.on_connect)


def connect_blocking(url: str) -> redis.Redis:
    """Return a client without a read timeout, for the worker, which blocks until a job arrives."""
    return redis.Redis.from_url(url, socket_connect_timeout=5, retry=Retry(NoBackoff(), 0))


def init_app(app: Any) -> None:
    """Create the app's Redis clients and its circuit breaker. Each client connects when it sends its first command."""
    app.extensions["redis_run"] = ServerRun()
    app.extensions["redis"] = connect(app.config["REDIS_URL"], app.extensions["redis_run"])
    app.extensions["redis_in_doubt"] = connect(app.config["REDIS_URL"], app.extensions["redis_run"], BYPASS_TIMEOUT)
    app.extensions["redis_line"] = FastConnection(app.extensions["redis"])
    app.extensions["redis_breaker"] = Breaker()


def client() -> redis.Redis:
    """Return the app's Redis client. Its commands do not go through the circuit breaker."""
    found: redis.Redis = current_app.extensions["redis"]
    return found


def run_id() -> bytes:
    """Return the run id of the app's Redis server. Return b"" if this process has not connected to Redis yet."""
    run: ServerRun = current_app.extensions["redis_run"]
    return run.id


def execute(command: Callable[[redis.Redis], T], *, bypass_breaker: bool = False) -> T:
    """Call `command` with the app's Redis client, and return the result.

    Raises RedisUnavailable if the command fails, or if the circuit breaker is open and `bypass_breaker` is false.
    """
    breaker: Breaker = current_app.extensions["redis_breaker"]
    asked = current_app.extensions["redis_in_doubt"] if bypass_breaker and breaker.is_open else client()
    return breaker.call(lambda: command(asked), bypass_breaker=bypass_breaker)
