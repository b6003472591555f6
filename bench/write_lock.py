"""Watch SQLite's write lock from outside: how much of the time it is held, and for how long at a time.

SQLite's writers lock byte 120 of the -shm file (https://www.sqlite.org/walformat.html#wal_locks). The kernel tells who
has this lock, so neither the site nor the database notices the watch.
"""

from __future__ import annotations

import fcntl
import os
import struct
import time
from itertools import pairwise
from pathlib import Path
from threading import Event, Thread

WRITE_LOCK = 120  # the byte of the -shm file
EVERY = 0.001  # seconds between two looks
_FLOCK = "hhqqi4x"  # struct flock of 64-bit Linux: type, whence, start, length, process


class Watch:
    """Looks at the write lock in a thread while the `with` block runs."""

    def __init__(self, database: Path) -> None:
        self._shm = Path(f"{database}-shm")
        self._looks: list[tuple[float, int]] = []  # the time, and the process that has the lock, or 0
        self._done = Event()
        self._thread = Thread(target=self._look, daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._done.set()
        self._thread.join()

    def _look(self) -> None:
        file = os.open(self._shm, os.O_RDONLY)
        question = struct.pack(_FLOCK, fcntl.F_RDLCK, os.SEEK_SET, WRITE_LOCK, 1, 0)
        while not self._done.wait(EVERY):
            kind, _whence, _start, _length, pid = struct.unpack(_FLOCK, fcntl.fcntl(file, fcntl.F_GETLK, question))
            self._looks.append((time.monotonic(), 0 if kind == fcntl.F_UNLCK else pid))
        os.close(file)

    def figures(self) -> dict[str, float]:
        """Return the share of the time for which the lock was held, and percentiles of the time for which it was held.

        Transactions that follow each other so closely in one process that no look falls between them count as one.
        """
        held = sorted(holds(self._looks))
        passed = self._looks[-1][0] - self._looks[0][0]
        return {
            "write_lock_share": sum(held) / passed,
            "write_lock_p50_ms": held[len(held) // 2] * 1e3 if held else 0.0,
            "write_lock_p99_ms": held[len(held) * 99 // 100] * 1e3 if held else 0.0,
        }


def holds(looks: list[tuple[float, int]]) -> list[float]:
    """Return for how many seconds each holder had the lock, from one look before it to the first look after it.

    A hold begins and ends somewhere between two looks, so half of each gap counts.
    """
    found, begun = [], None
    for (before, last), (moment, pid) in pairwise(looks):
        if pid == last:
            continue
        change = (before + moment) / 2
        if last and begun is not None:
            found.append(change - begun)
        begun = change
    return found
