"""Account deletion steps: functions with which features delete their part of an account.

Rows that only the user sees are deleted without a step (app/accounts/actions/deletion.py). Data that other users see
needs a step, because they must be notified.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

Step = Callable[[int], bool]
_steps: list[Step] = []


def register_step(function: Step) -> Step:
    """Register `function(user_id)`, which deletes a small batch of a deleted account's data.

    It is called repeatedly, each time in its own transaction, and returns whether there may be more to delete. It may
    be interrupted and started again at any point.
    """
    if function not in _steps:
        _steps.append(function)
    return function


def steps() -> Sequence[Step]:
    """Return the registered steps."""
    return tuple(_steps)
