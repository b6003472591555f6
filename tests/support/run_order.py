"""Which tests are slow, and the order in which the tests run."""

from __future__ import annotations

import os

import pytest

LONG = 900  # seconds of the timeout mark of tests that compute for minutes


def mark_later_cases_slow(items: list[pytest.Item]) -> None:
    """Mark every case of a parametrized test but the first as slow on PostgreSQL, for runs on both databases.

    `make test` runs all cases on SQLite and the first on PostgreSQL; `make test-all` runs all cases on both.
    """
    seen: set[str] = set()
    for item in items:
        case = getattr(item, "callspec", None)
        if case is None or case.params.get("database") != "postgresql":
            continue
        test = item.nodeid.partition("[")[0]
        if test in seen:
            item.add_marker(pytest.mark.slow)
        seen.add(test)


def start_long_tests_first(items: list[pytest.Item]) -> None:
    """Move the long tests in `items` to the start of each worker's share, so that no worker starts one at the end.

    xdist's worksteal gives each worker a contiguous share of the list, and lets idle workers take from the others.
    """
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    long = [item for item in items if (mark := item.get_closest_marker("timeout")) and mark.args[0] >= LONG]
    rest = [item for item in items if item not in long]
    share = -(-len(rest) // workers)
    items[:] = [
        item
        for worker in range(workers)
        for item in long[worker::workers] + rest[worker * share : (worker + 1) * share]
    ]
