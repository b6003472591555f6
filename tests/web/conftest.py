"""Changes between what a view reads and what it writes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from app.core import database


@pytest.fixture
def before_writing(db, monkeypatch):
    """`before_writing(change)` makes a change in another transaction, just before the next write transaction.

    `change` is a statement, or a function that runs in a thread of its own. Returns a list that is empty once it ran.
    """

    def arrange(change) -> list:
        real, todo = database.end_read_transaction, [change]

        def ended() -> None:
            real()
            if todo:
                _run(db.engine, todo.pop())

        monkeypatch.setattr(database, "end_read_transaction", ended)
        return todo

    return arrange


def _run(engine, change) -> None:
    if callable(change):
        with ThreadPoolExecutor(1) as pool:
            pool.submit(change).result()
        return
    with engine.begin() as connection:
        connection.execute(change)
