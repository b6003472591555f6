"""Database transactions: read and write mode, locks, and the SQLite settings for concurrent use.

Each transaction is in read mode or in write mode. Only SQLite needs this:

- Write mode is the default. `BEGIN IMMEDIATE` takes the write lock, and waits for it if necessary. If a transaction
  took this lock only after a read, it could fail with "database is locked".
- Read mode is for GET requests, and for jobs when they don't write. `BEGIN` takes no lock, so the transaction never
  waits for a writer.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import wraps
from typing import Any, TypeVar

from sqlalchemy import DateTime, Dialect, Engine, event, func, inspect, literal, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError, NoResultFound
from sqlalchemy.orm import aliased
from sqlalchemy.types import TypeDecorator

from app.core.write_queue import QueuedConnection, file_of
from app.extensions import db

S = TypeVar("S")
M = TypeVar("M")
_building = threading.RLock()
_reads_only: ContextVar[bool] = ContextVar("reads_only", default=False)


def insert_into(table: Any) -> Any:
    """Return an INSERT statement for the current database, SQLite or PostgreSQL, that supports ON CONFLICT."""
    return postgresql.insert(table) if db.engine.dialect.name == "postgresql" else sqlite.insert(table)


def built_once(build: Callable[[], S]) -> Callable[[], S]:
    """Cache the statement that `build` returns, separately for SQLite and PostgreSQL. Use this as a decorator.

    Building a statement takes longer than running it. Only one thread builds at a time, because SQLAlchemy creates the
    columns of an alias on first use, which is not thread-safe.
    """
    built: dict[str, S] = {}

    @wraps(build)
    def statement() -> S:
        dialect = db.engine.dialect.name
        if dialect not in built:
            with _building:
                if dialect not in built:
                    built[dialect] = build()
        return built[dialect]

    return statement


def shared_alias(model: type[M]) -> type[M]:
    """Return an alias of a model. Create it once in each module, because creating an alias is slow.

    The columns of the alias, and the index by which SQLAlchemy looks them up, are created now. SQLAlchemy would create
    them on first use, which is not thread-safe: a thread that finds half of the index uses a column of the table
    instead of one of the alias, and the alias keeps it.
    """
    alias = aliased(model)
    selectable = inspect(alias).selectable
    for column in inspect(model).local_table.columns:
        selectable.corresponding_column(column)
    return alias


def has_rows(model: Any, *conditions: Any) -> bool:
    """Return whether a row matches. Periodic jobs check this before a write transaction, which blocks other writers."""
    return db.session.scalar(select(literal(1)).select_from(model).where(*conditions).limit(1)) is not None


def lock_table(model: Any) -> None:
    """Block writes of other transactions to a table until this transaction ends.

    Use this for a decision that depends on the absence of a row. Call it before the transaction's first write;
    otherwise, two transactions could deadlock. Does nothing on SQLite, which has only one writer at a time.
    """
    if db.engine.dialect.name == "postgresql":
        table = db.engine.dialect.identifier_preparer.format_table(model.__table__)
        db.session.execute(text(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE"))


def advisory_lock(*names: str) -> None:
    """Take an advisory lock on each name until the transaction ends.

    Use this to lock something that has no row, such as a follow that doesn't exist yet. The locks are taken in sorted
    order, to prevent deadlocks. Does nothing on SQLite, which has only one writer at a time.
    """
    if db.engine.dialect.name == "postgresql":
        for name in sorted(names):
            db.session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))


class UtcDateTime(TypeDecorator[datetime]):
    """A column type for aware datetimes in UTC. SQLite stores no time zone, so UTC is added when a value is read."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert a datetime to UTC. Raises ValueError for a naive datetime, because its time zone is unknown."""
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
    """Run the `with` block in read mode. A transaction that is already open keeps its mode."""
    token = _reads_only.set(True)
    try:
        yield
    finally:
        _reads_only.reset(token)


def end_read_transaction() -> None:
    """End the open read transaction before slow work. Loaded objects can still be used.

    Raises RuntimeError if the session has unsaved changes. Make changes in a `write_transaction()` block.
    """
    session = db.session()
    if session.dirty or session.new or session.deleted:
        raise RuntimeError("changes were made outside a write transaction")
    session.commit()


@contextmanager
def write_transaction() -> Iterator[None]:
    """Run the `with` block in a write transaction. Commit at the end, or roll back if the block raises an exception.

    Use this only in entry points: jobs, CLI commands, and requests that write outside their main transaction. An open
    read transaction is ended first, so that the block reads current data.
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


def is_missing_row(error: Exception) -> bool:
    """Return whether an exception says that a row that a statement needs or refers to does not exist."""
    if isinstance(error, IntegrityError):
        code = getattr(error.orig, "sqlstate", None) or getattr(error.orig, "sqlite_errorname", None)
        return code in {"23503", "SQLITE_CONSTRAINT_FOREIGNKEY"}
    return isinstance(error, NoResultFound)


@contextmanager
def connect_nowait() -> Iterator[Connection]:
    """Yield a connection that doesn't wait for locks. Its transaction is rolled back at the end.

    Use this to read under a lock. On SQLite, the transaction takes the write lock, or raises OperationalError if
    another transaction has it. On PostgreSQL, the caller's statements must use SKIP LOCKED.
    """
    with db.engine.connect().execution_options(nowait=True) as connection:
        try:
            yield connection
        finally:
            connection.rollback()


@contextmanager
def write_in_separate_transaction() -> Iterator[Connection]:
    """Yield a connection with its own write transaction, which is committed at the end of the `with` block.

    On SQLite, raises OperationalError at once if another transaction is writing.
    """
    token = _reads_only.set(False)
    try:
        with db.engine.connect().execution_options(nowait=True) as connection, connection.begin():
            yield connection
    finally:
        _reads_only.reset(token)


def set_read_mode(on: bool) -> None:
    """Set whether new transactions in this context are in read mode. Called at the start of each request."""
    _reads_only.set(on)


@event.listens_for(Engine, "do_connect")
def _prepare_connection(dialect: Dialect, _record: Any, arguments: list[Any], options: dict[str, Any]) -> None:
    """Make SQLite's writers queue, and create a missing file with mode 0600.

    The file will contain password hashes and private messages. SQLite itself would create a file that other users can
    read, depending on the umask. The -wal and -shm files get the mode of the main file. The mode of an existing file
    stays unchanged, because the operator may have given a group access for backups.
    """
    if dialect.name != "sqlite" or not arguments:
        return
    options["factory"] = QueuedConnection
    path = file_of(arguments[0])
    if not path:
        return
    with suppress(OSError):  # the file exists, or its path is invalid; SQLite's own error is clearer
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


@event.listens_for(Engine, "connect")
def _configure_sqlite(connection: Any, _record: Any) -> None:
    if not isinstance(connection, sqlite3.Connection):
        return
    # The driver must not begin transactions: `_begin_sqlite` begins them in the right mode.
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
    is_nowait = connection.get_execution_options().get("nowait")
    connection.exec_driver_sql("BEGIN" if _reads_only.get() and not is_nowait else "BEGIN IMMEDIATE")


@event.listens_for(Engine, "do_execute")
def _wait_for_turn(cursor: Any, statement: str, _parameters: Any, context: Any) -> bool:
    """Begin SQLite's write transactions in the order in which their writers arrive (app/core/write_queue.py).

    This runs after the listeners of `before_cursor_execute`: the tests that explore schedules stop threads there.
    """
    if statement != "BEGIN IMMEDIATE" or not isinstance(cursor.connection, QueuedConnection):
        return False
    cursor.connection.begin_immediate(wait=not context.execution_options.get("nowait"))
    return True
