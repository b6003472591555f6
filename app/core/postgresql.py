"""Connections to PostgreSQL: how many each process keeps, and how it notices that the server has closed a connection.

docs/decisions/0021-postgresql-connections.md has measurements and alternatives.
"""

from __future__ import annotations

import select
import time
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DisconnectionError, InvalidatePoolError
from sqlalchemy.pool import QueuePool

# A request uses a second connection while its session has the first, for `last_seen` and for filling the poll cache.
CONNECTIONS_PER_THREAD = 2
SPARE_CONNECTIONS = 2  # more than the threads need, for whatever else a process does
PING_AFTER = 30.0  # seconds without use after which a connection is tested with a round trip
PREPARE_AFTER = 5  # times that a connection runs a statement before it keeps its plan; psycopg's default
# Options of libpq, unless DATABASE_URL has others. Without them, a request waits minutes for a vanished server.
LIBPQ_OPTIONS: dict[str, Any] = {
    "connect_timeout": 5,  # seconds
    "keepalives_idle": 30,  # seconds without traffic after which the kernel tests the connection
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,  # milliseconds that data may stay unacknowledged; not for slow statements
}


def engine_options(url: str, *, threads: int, prepare: bool) -> dict[str, Any]:
    """Return the options of the SQLAlchemy engine for a process with `threads` request threads.

    The connection pool is large enough for all threads at the same time, so no thread waits for a free connection. The
    pool opens connections when they are needed, and prefers the connection that was used last. `prepare` is whether
    repeated statements are prepared on the server.
    """
    given = make_url(url).query
    options = {name: value for name, value in LIBPQ_OPTIONS.items() if name not in given}
    return {
        "pool_size": CONNECTIONS_PER_THREAD * threads,
        "max_overflow": SPARE_CONNECTIONS,
        "pool_use_lifo": True,
        "connect_args": {**options, "prepare_threshold": PREPARE_AFTER if prepare else None},
    }


@event.listens_for(QueuePool, "checkout")
def _replace_closed(connection: Any, record: Any, _fairy: Any) -> None:
    """Make the pool open a new connection if the server has closed this one, for example because it restarted.

    SQLAlchemy's option `pool_pre_ping` would send a statement each time. This function needs no statement: if the
    server has closed a connection, there is something to read on it.

    A firewall can drop an idle connection without closing it. Therefore, a connection that was idle for PING_AFTER
    seconds is tested with a statement. If the server doesn't respond, the pool replaces all its connections: the
    firewall has probably dropped the others as well, and testing each of them could take half a minute.
    """
    if not type(connection).__module__.startswith("psycopg"):
        return
    if connection.closed or _has_input(connection):
        raise DisconnectionError("the server has closed the connection")
    if not _responds(connection, record):
        raise InvalidatePoolError("the server does not respond")


@event.listens_for(QueuePool, "checkin")
def _note_use(_connection: Any, record: Any) -> None:
    record.info["used_at"] = time.monotonic()


def _has_input(connection: Any) -> bool:
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))


def _responds(connection: Any, record: Any) -> bool:
    """Return whether the server responds to a statement.

    A connection that was used in the last PING_AFTER seconds is not tested. For this connection, return True.
    """
    if time.monotonic() - record.info.get("used_at", time.monotonic()) < PING_AFTER:
        return True
    connection.autocommit = True
    try:
        connection.execute("")
    except Exception:
        return False
    connection.autocommit = False
    return True
