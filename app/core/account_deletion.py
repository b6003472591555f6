"""What goes when an account is deleted: each feature takes out what only it can, some at a time.

Rows that belong to the person alone go by themselves (app/accounts/actions/deletion.py). A step is for the rest: for
what other people see, and must be told of.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

Step = Callable[[int], bool]
_steps: list[Step] = []


def register_step(function: Step) -> Step:
    """Call `function(user_id)` when an account is deleted, each time in a transaction of its own, while it says True.

    It does a small part, so that others wait for no long transaction, and says whether there may be more. Its work may
    end anywhere and begin again.
    """
    if function not in _steps:
        _steps.append(function)
    return function


def steps() -> Sequence[Step]:
    """All of them."""
    return tuple(_steps)
