"""Steps of account deletion: features register what must be removed, in small batches.

Rows that belong to the user alone are deleted without a step (app/accounts/actions/deletion.py). A step is for data
that other users see and must be notified about.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

Step = Callable[[int], bool]
_steps: list[Step] = []


def register_step(function: Step) -> Step:
    """Register `function(user_id)` to run when an account is deleted, repeatedly, until it returns False.

    Each call runs in its own transaction. It removes a small batch, so no transaction is long, and returns whether
    there may be more. It must be resumable: it may be interrupted at any point and start again.
    """
    if function not in _steps:
        _steps.append(function)
    return function


def steps() -> Sequence[Step]:
    """Return all registered steps."""
    return tuple(_steps)
