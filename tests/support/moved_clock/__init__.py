"""A wall clock that a test moves, for whole processes, while they run.

    stack = Stack(folder, database.copy(), clock="2027-03-28T00:30:00+00:00")   or clock="now"
    stack.start()
    stack.set_clock("2027-03-28T03:00:00+00:00")    web, worker, scheduler and running jobs see it at once
    stack.shift_clock(-3600)                        an hour back; the clock goes on ticking from there
    stack.now()                                     what time it is for them

For any other process: `env | clock.environment()` of a `MovedClock(file)`.

How: `sitecustomize.py` in this folder is on the PYTHONPATH of those processes only. Python imports it before anything
else, and it makes the wall clock (`time.time`, `datetime.now` and so on, through time-machine) the real one plus the
number of nanoseconds in a file that all of them map into memory. So there is nothing to wait for after a move, and a
process that is forked or restarted has the moved clock, too. What measures durations (`time.monotonic`, `time.sleep`,
socket timeouts, signals) stays real, as on a machine whose clock is set. Valkey, PostgreSQL, and the test itself with
its cookie jar keep the real time.
"""

from __future__ import annotations

import os
import struct
from datetime import UTC, datetime, timedelta
from pathlib import Path

OFFSET = struct.Struct("=q")  # nanoseconds ahead of the real clock
VARIABLE = "MOVED_CLOCK"


class MovedClock:
    """The clock of some processes, kept in `file`. It begins as the real one."""

    def __init__(self, file: Path) -> None:
        self._file = file
        file.parent.mkdir(parents=True, exist_ok=True)
        self._offset = timedelta()
        self.move(self._offset)

    def environment(self) -> dict[str, str]:
        """What a process needs to live by this clock, but for the rest of its PYTHONPATH."""
        return {VARIABLE: str(self._file), "PYTHONPATH": str(Path(__file__).parent)}

    def now(self) -> datetime:
        """The time it shows."""
        return datetime.now(UTC) + self._offset

    def set(self, moment: str) -> None:
        """Make it show `moment`, an ISO time with its zone, and tick on from there."""
        wanted = datetime.fromisoformat(moment)
        assert wanted.tzinfo is not None, f"{moment} names no zone"
        self.move(wanted - datetime.now(UTC))

    def shift(self, seconds: float) -> None:
        """Set it forward, or back."""
        self.move(self._offset + timedelta(seconds=seconds))

    def move(self, offset: timedelta) -> None:
        """Make it run `offset` ahead of the real one."""
        self._offset = offset
        nanoseconds = offset // timedelta(microseconds=1) * 1000
        # Eight bytes over the old eight: a process that has them in its memory sees either number, never half.
        handle = os.open(self._file, os.O_RDWR | os.O_CREAT)
        try:
            os.pwrite(handle, OFFSET.pack(nanoseconds), 0)
        finally:
            os.close(handle)
