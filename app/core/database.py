"""Database transactions: read and write mode, locks, and the SQLite settings for concurrent use.

Each transaction is in read mode or in write mode. The mode makes a difference only on SQLite:

- Write mode is the default. The transaction takes the write lock at its beginning (`BEGIN IMMEDIATE`), and waits for it
  if necessary. If a transaction took this lock only after a read, it could fail with "database is locked".
- Read mode is for GET requests, and for jobs when they don't write. The transaction takes no lock at its beginning
  (`BEGIN`), so it never waits for a writer.
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

from sqlalchemy import DateTime, Dialect, Engine, Executable, event, func, inspect, literal, select, text
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


def insert_returning(model: type[M], insert: Any = None) -> Executable:
    """Return a statement that inserts a row and returns it as an object. Its parameters are the values of the columns.

    Run it with `db.session.scalars`. This takes half the time of `db.session.add` and a flush. A column without a value
    gets its default here, too. `insert` is the INSERT into the model's table, if it needs ON CONFLICT.
    """
    table = inspect(model).local_table
    stmt = insert_into(table) if insert is None else insert
    return select(model).from_statement(stmt.returning(*table.columns))


def execute_core(statement: Any, parameters: Any) -> Any:
    """Run a statement that returns no objects, and return the result. This is faster than `db.session.execute`.

    As there, the session's changes are flushed first. But objects that are already loaded are not updated.
    """
    session = db.session()
    if session.autoflush:
        session.flush()
    return session.connection().execute(statement, parameters)


def built_once(build: Callable[[], S]) -> Callable[[], S]:
    """Cache the statement that `build` returns, separately for SQLite and PostgreSQL. Use this as a decorator.

    The cache saves time, because building a statement takes longer than running it. Only one thread builds at a time:
    if a statement uses an alias, SQLAlchemy creates the columns of the alias on first use, which is not thread-safe.
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
    """Return an alias of a model, for use by several threads.

    SQLAlchemy would create the columns of the alias, and an index of them, on first use. This is not thread-safe: a
    thread that finds an incomplete index uses a column of the table instead of the alias, and this error persists.
    Therefore, this function creates the columns at once. This is slow, so create an alias only once in each module.
    """
    alias = aliased(model)
    selectable = inspect(alias).selectable
    for column in inspect(model).local_table.columns:
        selectable.corresponding_column(column)
    return alias


def has_rows(model: Any, *conditions: Any) -> bool:
    """Return whether the table of `model` has a row that meets all conditions.

    Periodic jobs call this first, so that they begin no write transaction if there is nothing to do. A write
    transaction blocks other writers.
    """
    return db.session.scalar(select(literal(1)).select_from(model).where(*conditions).limit(1)) is not None


def lock_table(model: Any) -> None:
    """Block writes of other transactions to a table until this transaction ends.

    Use this before a decision that depends on the absence of a row, so that no other transaction inserts such a row.
    Call it before the transaction's first write, because otherwise two transactions could deadlock. On SQLite, this
    does nothing, because there is only one writer at a time.
    """
    if db.engine.dialect.name == "postgresql":
        table = db.engine.dialect.identifier_preparer.format_table(model.__table__)
        db.session.execute(text(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE"))


def advisory_lock(*names: str) -> None:
    """Take an advisory lock on each name, and keep it until the transaction ends.

    Use this to lock something that has no row, such as a follow that doesn't exist yet. The locks are taken in the
    sorted order of the names, to prevent deadlocks. On SQLite, this does nothing, because there is only one writer at a
    time.
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
    """Run the `with` block in read mode. If a transaction is already open, its mode doesn't change."""
    token = _reads_only.set(True)
    try:
        yield
    finally:
        _reads_only.reset(token)


def end_read_transaction() -> None:
    """End the open read transaction. Call this before slow work, so that the transaction doesn't stay open meanwhile.

    Objects that were loaded can still be used. Raises RuntimeError if the session has unsaved changes, because changes
    must be made in a `write_transaction()` block.
    """
    session = db.session()
    if session.dirty or session.new or session.deleted:
        raise RuntimeError("changes were made outside a write transaction")
    session.commit()


@contextmanager
def write_transaction() -> Iterator[None]:
    """Run the `with` block in a write transaction. Commit at the end, or roll back if the block raises an exception.

    An open read transaction is ended first, so that the block reads current data. Use this only in entry points: in
    jobs, in CLI commands, and in requests that write outside their main transaction.
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
    """Return whether a database error was caused by a missing row.

    This can be a row that a query should have returned, or a row that a foreign key refers to.
    """
    if isinstance(error, IntegrityError):
        code = getattr(error.orig, "sqlstate", None) or getattr(error.orig, "sqlite_errorname", None)
        return code in {"23503", "SQLITE_CONSTRAINT_FOREIGNKEY"}
    return isinstance(error, NoResultFound)


@contextmanager
def connect_nowait() -> Iterator[Connection]:
    """Yield a connection that never waits for locks. Its transaction is rolled back at the end of the `with` block.

    Use this to read data that no other transaction can change meanwhile. On SQLite, the transaction takes the write
    lock of the whole database, or raises OperationalError if another transaction has this lock. On PostgreSQL, the
    caller must lock the rows itself, with SKIP LOCKED.
    """
    with db.engine.connect().execution_options(nowait=True) as connection:
        try:
            yield connection
        finally:
            connection.rollback()


@contextmanager
def write_in_separate_transaction() -> Iterator[Connection]:
    """Yield a connection that has its own write transaction, separate from the session's transaction.

    The transaction is committed at the end of the `with` block. On SQLite, raises OperationalError at once if another
    transaction is writing.
    """
    token = _reads_only.set(False)
    try:
        with db.engine.connect().execution_options(nowait=True) as connection, connection.begin():
            yield connection
    finally:
        _reads_only.reset(token)


def set_read_mode(on: bool) -> None:
    """Set whether new transactions of the current request are in read mode. Called at the start of each request."""
    _reads_only.set(on)


@event.listens_for(Engine, "do_connect")
def _prepare_connection(dialect: Dialect, _record: Any, arguments: list[Any], options: dict[str, Any]) -> None:
    """Make write transactions on SQLite wait in a queue, and create a missing database file with mode 0600.

    The file will contain password hashes and private messages. If SQLite created it, other users of the machine could
    read it, depending on the umask. SQLite gives its -wal and -shm files the same mode. The mode of an existing file is
    not changed, because the operator may have given a group access for backups.
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

    Return True if this function has run the statement itself, as SQLAlchemy requires. SQLAlchemy calls this function
    after the listeners of `before_cursor_execute`. So tests can pause a thread in such a listener, before it enters the
    queue.
    """
    if statement != "BEGIN IMMEDIATE" or not isinstance(cursor.connection, QueuedConnection):
        return False
    cursor.connection.begin_immediate(wait=not context.execution_options.get("nowait"))
    return True
