"""In which order the tests run: nobody waits at the end for one worker with a long one."""

from __future__ import annotations

import os

import pytest


def long_ones_early(items: list[pytest.Item]) -> None:
    """Move what computes for minutes, in `items`, to where the second worker begins: the first has tests/faults, which
    waits for outages to end and leaves the processors to others.

    Each worker begins with a part of the list, in order, and then takes from the others.
    """
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    long = [item for item in items if item.get_closest_marker("timeout") and not item.get_closest_marker("faults")]
    rest = [item for item in items if item not in long]
    second = -(-len(items) // workers)
    items[:] = [*rest[:second], *long, *rest[second:]]
