"""How a process of the site starts. `microblog.py` and `worker.py` import this module before they import the app."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_garbage_collection() -> Iterator[None]:
    """Load the app in this `with` block. The garbage collector pauses, and never examines what the block has loaded.

    These 270,000 objects are needed until the process ends. Examining them again and again costs CPU time at the start
    and at the end of the process, and pauses requests. It would also copy the memory that a worker shares with its
    forks.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
