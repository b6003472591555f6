"""In which order the tests run: what takes long begins early, so that nobody waits for one worker at the end."""

from __future__ import annotations

from collections import defaultdict

import pytest

# Where the last test of each kind stands, as a share of the whole. Beside one that waits (for an outage to end, for
# a killed worker's lease), the processors have time for one that computes.
_COMPUTES, _WAITS, _SHORT = 0.7, 0.8, 1.0


def spread(items: list[pytest.Item]) -> None:
    """Sort `items` in place: each kind in its own order, evenly among the others. The same on every worker."""
    kinds = defaultdict[float, list[pytest.Item]](list)
    for item in items:
        kinds[_end_of(item)].append(item)
    places = {item: end * number / len(kind) for end, kind in kinds.items() for number, item in enumerate(kind)}
    items.sort(key=places.__getitem__)


def _end_of(item: pytest.Item) -> float:
    if item.get_closest_marker("faults") or item.get_closest_marker("race"):
        return _WAITS
    return _COMPUTES if item.get_closest_marker("timeout") else _SHORT
