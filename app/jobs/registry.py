"""What jobs there are: each declared once, under a name that survives file moves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from app.models import Job

Queue = Literal["mail", "default", "slow"]
QUEUES: tuple[Queue, ...] = ("mail", "default", "slow")

# Seconds before the next attempt after the 1st, 2nd, ... failure: close together while a restart is likely, then
# far apart: 13 attempts over 4 hours. What still fails stays visible as failed, with "try again".
RETRY_DELAYS = (10, 30, 60, 120, 300, 300, 300, 300, 900, 1800, 3600, 7200)

MAX_CRASHES = 5  # attempts that may end without a word before the job is parked as failed


@dataclass(frozen=True)
class Definition:
    """One kind of job: its function, its queue, and how it is run."""

    name: str
    function: Callable[..., Any]
    queue: Queue
    timeout: int  # seconds one attempt may take
    every: int | None  # seconds between two runs of a periodic job; None for one that is ordered


definitions: dict[str, Definition] = {}
_listeners: list[Callable[[Job], None]] = []


def job(
    name: str, *, queue: Queue = "default", timeout: int = 180, every: int | None = None
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare a job. The function takes its JSON arguments by keyword and may run twice.

    Raises ValueError when the name is taken.
    """

    def declare(function: Callable[..., Any]) -> Callable[..., Any]:
        known = definitions.get(name)
        if known is not None and known.function.__module__ != function.__module__:
            raise ValueError(f"a job named {name} exists")
        definitions[name] = Definition(name, function, queue, timeout, every)
        return function

    return declare


def when_changed(listener: Callable[[Job], None]) -> Callable[[Job], None]:
    """Call `listener(job)` in the transaction of every change to a job."""
    if listener not in _listeners:
        _listeners.append(listener)
    return listener


def tell_changed(job: Job) -> None:
    """Run the listeners for `job`."""
    for listener in _listeners:
        listener(job)
