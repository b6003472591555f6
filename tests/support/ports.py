"""Free ports and patience."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(what: Callable[[], T], *, seconds: float = 10, every: float = 0.05, why: str = "") -> T:
    """Call `what` until it gives something true, and return that. An exception counts as "not yet".

    Raises AssertionError with `why` and the last exception after `seconds`, or three times as many when they are 10 or
    more: such a limit ends a hung test, and a busy machine must not fail one.
    """
    deadline = time.monotonic() + (3 * seconds if seconds >= 10 else seconds)
    last: Exception | None = None
    while time.monotonic() < deadline:
        try:
            found = what()
            if found:
                return found
        except Exception as error:
            last = error
        time.sleep(every)
    raise AssertionError(f"waited {seconds} s in vain: {why or what}" + (f" ({last!r})" if last else ""))
