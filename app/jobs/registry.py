"""The registry of jobs. Each is declared once, under a name that doesn't depend on its module."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Queue = Literal["mail", "default", "slow"]
QUEUES: tuple[Queue, ...] = ("mail", "default", "slow")

# Seconds before the next attempt after the 1st, 2nd, ... failure. Delays are short at first, because a restart is the
# likely cause, then longer: 13 attempts over 4 hours. After that the job stays visible as failed, with "try again".
RETRY_DELAYS = (10, 30, 60, 120, 300, 300, 300, 300, 900, 1800, 3600, 7200)

MAX_CRASHES = 5  # attempts whose worker died before the job is marked as failed


@dataclass(frozen=True)
class Definition:
    """One kind of job: its function, its queue, and its limits."""

    name: str
    function: Callable[..., Any]
    queue: Queue
    timeout: int  # seconds one attempt may take
    every: int | None  # seconds between two runs of a periodic job; None for a job that is only enqueued


definitions: dict[str, Definition] = {}


def job(
    name: str, *, queue: Queue = "default", timeout: int = 180, every: int | None = None
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare a job. The function receives its JSON arguments by keyword and may run twice.

    Raises ValueError if another module has declared the name.
    """

    def declare(function: Callable[..., Any]) -> Callable[..., Any]:
        known = definitions.get(name)
        if known is not None and known.function.__module__ != function.__module__:
            raise ValueError(f"a job named {name} exists")
        definitions[name] = Definition(name, function, queue, timeout, every)
        return function

    return declare
