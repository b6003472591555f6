"""Jobs that only tests order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from app.jobs import job
from app.jobs.registry import definitions


class Work:
    """The job "test.work": does what `does` says, and notes each run in `runs`."""

    def __init__(self) -> None:
        self.runs: list[dict[str, Any]] = []
        self.does: Callable[..., Any] = lambda **_args: None

    def __call__(self, **args: Any) -> Any:
        self.runs.append(args)
        return self.does(**args)


@pytest.fixture
def work() -> Iterator[Work]:
    """A job of ours, forgotten afterwards."""
    instance = Work()

    def perform_work(**args: Any) -> Any:
        return instance(**args)

    job("test.work")(perform_work)
    yield instance
    del definitions["test.work"]
