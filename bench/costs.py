"""What requests cost the database: their SQL statements, and how long they hold SQLite's write lock."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, Pool, event


@dataclass
class Costs:
    """The SQL statements of requests, and the time for which they held SQLite's write lock."""

    statements: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    lock: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))  # seconds

    @contextmanager
    def watch(self, request: str) -> Iterator[None]:
        """Record the costs of the request that runs in the block."""
        count, held, since = 0, 0.0, 0.0

        def executed(_connection: Any, _cursor: Any, statement: str, *_others: Any) -> None:
            nonlocal count, since
            if statement == "BEGIN IMMEDIATE":
                since = time.perf_counter()
            elif statement != "BEGIN" and not statement.startswith(("PRAGMA", "SAVEPOINT", "RELEASE")):
                count += 1

        def returned(_connection: Any, _record: Any) -> None:
            nonlocal held, since
            if since:
                held, since = held + time.perf_counter() - since, 0.0

        event.listen(Engine, "after_cursor_execute", executed)
        event.listen(Pool, "checkin", returned)  # after the commit
        try:
            yield
        finally:
            event.remove(Engine, "after_cursor_execute", executed)
            event.remove(Pool, "checkin", returned)
        self.statements[request].append(count)
        self.lock[request].append(held)
