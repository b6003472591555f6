"""Waiting until somebody else waits for a lock."""

from __future__ import annotations

import time
from concurrent.futures import Future
from typing import Any

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import text

MAX_WAIT = 5  # seconds for the other one to come to the lock
_WAITING = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")


def wait_until_blocked(db: SQLAlchemy, other: Future[Any]) -> None:
    """Come back when `other`, a transaction in another thread, waits for a lock of ours, or is done."""
    if db.engine.dialect.name == "sqlite":
        time.sleep(0.3)  # it has one lock, which nobody can look at
        return
    end = time.monotonic() + MAX_WAIT
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        while time.monotonic() < end and not other.done() and not connection.scalar(_WAITING):
            time.sleep(0.02)
