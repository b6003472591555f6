"""The registry of account deletion steps. A step is a function that deletes one feature's data of an account.

A step is needed for data that other users see, because their pages and counts must be updated, too. All other rows of
an account are deleted without a step (app/accounts/actions/deletion.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

Step = Callable[[int], bool]
_steps: list[Step] = []


def register_step(function: Step) -> Step:
    """Register a step: `function(user_id)`, which deletes a small batch of the user's data. Use this as a decorator.

    The function returns True if there may be more data to delete, and is then called again. Each call has its own
    transaction. After a crash, all steps start again, so they must be idempotent.
    """
    if function not in _steps:
        _steps.append(function)
    return function


def steps() -> Sequence[Step]:
    """Return the registered steps."""
    return tuple(_steps)
