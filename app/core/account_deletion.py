"""The registry of account deletion steps. A step is a function that deletes one feature's data of an account.

A feature needs a step if other users see its data, because their pages and counts must be updated, too. All other rows
of an account are deleted without a step (app/accounts/actions/deletion.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

Step = Callable[[int], bool]
_steps: list[Step] = []


def register_step(function: Step) -> Step:
    """Register `function` as a step of account deletions. Use this as a decorator.

    `function(user_id)` must delete a small batch of the user's data, and return True if there may be more to delete. It
    is called until it returns False, each time in its own transaction. After a crash, all steps start again, so they
    must be idempotent.
    """
    if function not in _steps:
        _steps.append(function)
    return function


def steps() -> Sequence[Step]:
    """Return the registered steps."""
    return tuple(_steps)
