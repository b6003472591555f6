"""Killing web processes while people do something again and again."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import httpx2

from tests.support.processes import Stack
from tests.support.seeded_random import Moments


@contextmanager
def again_and_again(do: Callable[[], object], every: float) -> Iterator[None]:
    """Call `do` in a thread while the block runs; that nobody answers is no news here."""
    enough = threading.Event()
    failed: list[Exception] = []

    def run() -> None:
        try:
            while not enough.wait(every):
                with suppress(httpx2.HTTPError):
                    do()
        except Exception as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        enough.set()
        thread.join(40)
    for error in failed:
        raise error


def kill_web(stack: Stack, moments: Moments) -> None:
    """SIGKILL for one of the processes that answer. Their parent starts another one, or ends and is started again."""
    with suppress(KeyError, IndexError, ProcessLookupError):  # it is being started again just now
        os.kill(moments.choice(stack.pids("web")[1:]), signal.SIGKILL)
