"""Counting SQL statements, and emptying a database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from sqlalchemy import Engine, event, select
from sqlalchemy.orm import ORMExecuteState

from app.extensions import Base, db
from tests.support.client import DOOR

# Not questions to the data: transactions and the manners of one connection.
_HOUSEKEEPING = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "PRAGMA")


class Statements(list[str]):
    """The statements that ran in a `queries()` block. `.count` as a property would shadow list's: use len()."""

    def __repr__(self) -> str:
        return f"{len(self)} statements:\n" + "\n".join(f"  {' '.join(one.split())}" for one in self)


@contextmanager
def counted() -> Iterator[Statements]:
    """Count what is asked of the database in the block, by requests, jobs and the test's own calls."""
    seen = Statements()

    def executed(_connection: Any, _cursor: Any, statement: str, _params: Any, context: Any, _many: bool) -> None:
        ours = context is not None and context.execution_options.get("the_tests_own_refresh")
        if not ours and not statement.lstrip().upper().startswith(_HOUSEKEEPING):
            seen.append(statement)

    def mark(state: ORMExecuteState) -> None:
        # Objects of the test expire after each request; reading one again is not the site's query.
        if state.is_column_load and not DOOR.get():
            state.update_execution_options(the_tests_own_refresh=True)

    event.listen(Engine, "before_cursor_execute", executed)
    event.listen(db.session, "do_orm_execute", mark)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", executed)
        event.remove(db.session, "do_orm_execute", mark)


def empty(engine: Engine) -> None:
    """Delete every row of our tables. Full-text tables follow their triggers."""
    if engine.dialect.name == "postgresql":
        with engine.begin() as connection:
            connection.exec_driver_sql(_postgresql_script())
        return
    raw = engine.raw_connection()
    try:
        # One call for the whole script: building the statements one by one costs more than running them.
        raw.driver_connection.executescript(_sqlite_script())  # type: ignore[union-attr]
    finally:
        raw.close()


@cache
def _postgresql_script() -> str:
    # Five times as quick as TRUNCATE for the few rows of a test. One round trip; ids start again at 1.
    tables = list(reversed(Base.metadata.sorted_tables))
    counters = [table for table in tables if table.autoincrement_column is not None]
    deletes = [f'DELETE FROM "{table.name}"' for table in tables]
    resets = [f"SELECT setval(pg_get_serial_sequence('\"{table.name}\"', 'id'), 1, false)" for table in counters]
    return "; ".join([*deletes, *resets])


@cache
def _sqlite_script() -> str:
    deletes = [f'DELETE FROM "{table.name}";' for table in reversed(Base.metadata.sorted_tables)]
    return "\n".join(["BEGIN IMMEDIATE;", *deletes, "DELETE FROM sqlite_sequence;", "COMMIT;"])


def everything() -> dict[str, list[str]]:
    """Every row of the database, but for what a GET may write: `last_seen` and its kind."""
    db.session.commit()
    found = {}
    for table in Base.metadata.sorted_tables:
        columns = [column for column in table.columns if column.name not in {"last_seen", "last_used_at"}]
        found[table.name] = sorted(map(repr, db.session.execute(select(*columns)).all()))
    db.session.commit()
    return found
