"""The registry of jobs. Stored rows contain the name of a job, so the name does not depend on the function's module."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Queue = Literal["mail", "default", "slow"]
QUEUES: tuple[Queue, ...] = ("mail", "default", "slow")

# Seconds between the 1st, 2nd, ... failure and the next attempt: 13 attempts in about 4 hours. The first delays are
# short, because a restart is the likeliest cause. After the last attempt, the job's page shows it as failed, with a
# "try again" button.
RETRY_DELAYS = (10, 30, 60, 120, 300, 300, 300, 300, 900, 1800, 3600, 7200)

MAX_CRASHES = 5  # a job whose worker has died this many times is marked as failed


@dataclass(frozen=True)
class Definition:
    """A declared job: its function, its queue and its limits."""

    name: str
    function: Callable[..., Any]
    queue: Queue
    timeout: int  # seconds that one attempt may take
    every: int | None  # seconds between two runs of a periodic job; None for a job that is only enqueued


definitions: dict[str, Definition] = {}


def job(
    name: str, *, queue: Queue = "default", timeout: int = 180, every: int | None = None
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare the decorated function as the job `name`.

    The function receives the job's arguments from JSON, as keyword arguments. The function must be idempotent.
    `timeout` is in seconds. If `every` is given, the job runs periodically, every `every` seconds. Raises ValueError if
    another module has declared a job with this name.
    """

    def declare(function: Callable[..., Any]) -> Callable[..., Any]:
        known = definitions.get(name)
        if known is not None and known.function.__module__ != function.__module__:
            raise ValueError(f"a job named {name} exists")
        definitions[name] = Definition(name, function, queue, timeout, every)
        return function

    return declare
