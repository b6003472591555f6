"""Transactions: which ones may write, and how SQLite is made as reliable as PostgreSQL.

A transaction is in one of two modes. In *write* mode (the default, and every POST) SQLite uses `BEGIN IMMEDIATE`, which
waits for the write lock at once. A deferred transaction that read first would fail with "database is locked". In *read*
mode (GET requests, and jobs between their writes) SQLite begins deferred, so readers never wait for the writer.
PostgreSQL ignores the mode.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, urlsplit

from sqlalchemy import DateTime, Dialect, Engine, event, func, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection
from sqlalchemy.types import TypeDecorator

from app.extensions import db

_reads_only: ContextVar[bool] = ContextVar("reads_only", default=False)


def insert_into(table: Any) -> Any:
    """Return an INSERT with ON CONFLICT support, for the current engine."""
    return postgresql.insert(table) if db.engine.dialect.name == "postgresql" else sqlite.insert(table)


def lock_table(model: Any) -> None:
    """Block all other writes to this table until the transaction ends; for decisions that rely on a missing row.

    Take this lock before the transaction's first write, or two transactions could deadlock. On SQLite this does
    nothing, as there is only one writer at a time.
    """
    if db.engine.dialect.name == "postgresql":
        table = db.engine.dialect.identifier_preparer.format_table(model.__table__)
        db.session.execute(text(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE"))


def advisory_lock(*names: str) -> None:
    """Take advisory locks on these names until the transaction ends, for facts that no single row stands for.

    The names are locked in sorted order. On SQLite this does nothing, as there is only one writer at a time.
    """
    if db.engine.dialect.name == "postgresql":
        for name in sorted(names):
            db.session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime in UTC on every engine. SQLite does not store time zones, so UTC is added on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert the value to UTC. Raises ValueError for a naive datetime, whose time zone is unknown."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime cannot be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the value as an aware datetime in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


@contextmanager
def read_transaction() -> Iterator[None]:
    """Run the block in read mode. A transaction that is already open keeps its mode."""
    token = _reads_only.set(True)
    try:
        yield
    finally:
        _reads_only.reset(token)


def end_read_transaction() -> None:
    """End the open read transaction, so that nothing is held during slow work. Loaded objects stay readable.

    Raises RuntimeError if the session has changes: they belong in a `write_transaction()` block.
    """
    session = db.session()
    if session.dirty or session.new or session.deleted:
        raise RuntimeError("changes were made outside a write transaction")
    session.commit()


@contextmanager
def write_transaction() -> Iterator[None]:
    """Run the block as one write transaction. Commit at its end, or roll back if it raises.

    For entry points only (jobs, the CLI, and requests that write outside their main transaction). An open read
    transaction is ended first, so that the block reads current data.
    """
    end_read_transaction()
    token = _reads_only.set(False)
    try:
        yield
        db.session.commit()
    except BaseException:
        db.session.rollback()
        raise
    finally:
        _reads_only.reset(token)


@contextmanager
def connect_nowait() -> Iterator[Connection]:
    """Yield a connection that never waits for a lock, for reading under one. It is rolled back at the end.

    On SQLite the write lock is taken at once, or OperationalError is raised. On PostgreSQL the statements
    themselves must say SKIP LOCKED.
    """
    with db.engine.connect().execution_options(nowait=True) as connection:
        try:
            yield connection
        finally:
            connection.rollback()


@contextmanager
def write_in_separate_transaction() -> Iterator[Connection]:
    """Yield a connection with its own write transaction, committed at the end.

    Raises OperationalError if the database is busy.
    """
    token = _reads_only.set(False)
    try:
        with db.engine.connect().execution_options(nowait=True) as connection, connection.begin():
            yield connection
    finally:
        _reads_only.reset(token)


def set_read_mode(on: bool) -> None:
    """Set the mode of the current context; called once at the start of a request or a job."""
    _reads_only.set(on)


@event.listens_for(Engine, "do_connect")
def _create_private_file(dialect: Dialect, _record: Any, arguments: list[Any], _options: dict[str, Any]) -> None:
    """Create the SQLite file with mode 0600, before SQLite creates it with the umask's mode.

    The file holds password hashes and private messages. SQLite gives the -wal and -shm files the same mode. An
    existing file keeps its mode: an operator may have given a backup group access.
    """
    if dialect.name != "sqlite" or not arguments:
        return
    name = os.fspath(arguments[0])
    path = unquote(urlsplit(name).path) if name.startswith("file:") else name
    if not path or path.startswith(":memory:") or "mode=memory" in name:
        return
    with suppress(OSError):  # an existing file, or a bad path: SQLite's own error is clearer
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


@event.listens_for(Engine, "connect")
def _configure_sqlite(connection: Any, _record: Any) -> None:
    if type(connection).__module__.split(".")[0] != "sqlite3":
        return
    # The driver must not begin transactions: _begin_sqlite does, according to the mode.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


@event.listens_for(Engine, "begin")
def _begin_sqlite(connection: Connection) -> None:
    if connection.dialect.name != "sqlite":
        return
    if not connection.get_execution_options().get("nowait"):
        connection.exec_driver_sql("BEGIN" if _reads_only.get() else "BEGIN IMMEDIATE")
        return
    usual = connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one()  # SQLITE_TIMEOUT, in milliseconds
    connection.exec_driver_sql("PRAGMA busy_timeout = 0")
    try:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    finally:
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {usual}")
