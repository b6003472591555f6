"""The registry of account deletion steps: functions that delete a feature's data of an account.

Data that other users see needs a step, which also updates what these users see. All other rows of an account are
deleted without a step (app/accounts/actions/deletion.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

Step = Callable[[int], bool]
_steps: list[Step] = []


def register_step(function: Step) -> Step:
    """Register `function(user_id)`, which deletes a small batch of the user's data. Use this as a decorator.

    The function returns True if there may be more data to delete, and is then called again. Each call is a transaction.
    After a crash, all steps start again, so they must be idempotent.
    """
    if function not in _steps:
        _steps.append(function)
    return function


def steps() -> Sequence[Step]:
    """Return the registered steps."""
    return tuple(_steps)
