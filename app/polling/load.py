"""Measure the load of a web process, and slow down polls, so that page views and writes stay fast.

The load is an average over about ten seconds. As it grows, the poll interval grows in steps, and browsers poll less
often. Near full load, most polls that would need SQL are rejected. Page views and writes are never rejected.

The load is the higher of two values: the share of request threads in use, and the process's use of one CPU core. The
first grows if the database or the machine is slow. The second is needed because all threads of a Python process share
one core, and many short requests use up the core while most threads are free.
"""

from __future__ import annotations

import math
import random
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

TIME_CONSTANT = 10.0  # seconds; the time constant of the average, so that a burst of a second or two changes little
UPDATE_EVERY = 1.0  # seconds between two updates of the average


class Step(NamedTuple):
    """A step of the poll interval: from the load `busy` on, the interval is POLL_INTERVAL times `times`."""

    busy: float
    times: float


# Polls cause most of the load, so doubling the interval nearly halves it. With the default POLL_INTERVAL of 10 seconds,
# the last step is a minute, the longest acceptable delay for a badge.
STEPS = (Step(0.0, 1), Step(0.5, 2), Step(0.7, 3), Step(0.85, 6))
HYSTERESIS = 0.1  # a step ends only when the load is this much lower than its `busy`
SHED_FROM = 0.9  # from this load on, some polls are rejected; the share grows linearly until the load is 1
MAX_SHED = 0.9  # the largest share of polls that is rejected, so one in ten is always answered
RETRY_AFTER = (15, 45)  # seconds; a random value, so that rejected polls don't all return at the same time


class Load:
    """The load of a web process with `threads` request threads. `interval` is the POLL_INTERVAL in seconds."""

    def __init__(
        self,
        threads: int,
        interval: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        cpu: Callable[[], float] = time.process_time,
        dice: Callable[[], float] = random.random,
    ) -> None:
        self.intervals = [math.ceil(interval * step.times) for step in STEPS]  # seconds to wait, for each step
        self.step = 0  # index into STEPS
        self.busy = 0.0  # the recent load of the threads or of the core, 0 to 1
        self._threads = threads
        self._clock = clock
        self._cpu = cpu
        self._dice = dice
        self._lock = threading.Lock()
        self._running = 0  # requests in progress
        self._worked = 0.0  # thread-seconds since the last update
        self._at = self._updated_at = clock()  # the times of the last addition to `_worked` and of the last update
        self._cpu_then = cpu()  # at the last update

    @property
    def interval(self) -> int:
        """The current poll interval in seconds."""
        return self.intervals[self.step]

    def enter(self) -> None:
        """Count the start of a request."""
        with self._lock:
            moment = self._clock()
            self._worked += self._running * (moment - self._at)
            self._at = moment
            self._running += 1
            if moment - self._updated_at >= UPDATE_EVERY:
                self._update(moment)

    def leave(self) -> None:
        """Count the end of a request.

        The time for sending a file is not counted, because it depends on the client's connection.
        """
        with self._lock:
            moment = self._clock()
            self._worked += self._running * (moment - self._at)
            self._at = moment
            self._running -= 1

    def _update(self, moment: float) -> None:
        """Update the exponential moving average with the work since the last update, and choose the step."""
        since = moment - self._updated_at
        cpu = self._cpu()
        now = min(max(self._worked / self._threads, cpu - self._cpu_then) / since, 1.0)
        self.busy = now + (self.busy - now) * math.exp(-since / TIME_CONSTANT)
        self._updated_at, self._worked, self._cpu_then = moment, 0.0, cpu
        while self.step + 1 < len(STEPS) and self.busy >= STEPS[self.step + 1].busy:
            self.step += 1
        while self.busy < STEPS[self.step].busy - HYSTERESIS:
            self.step -= 1

    def should_shed(self) -> bool:
        """Return whether to reject a poll that would need SQL."""
        excess = (self.busy - SHED_FROM) / (1 - SHED_FROM)
        return excess > 0 and self._dice() < excess * MAX_SHED

    def retry_after(self) -> int:
        """Return the Retry-After header of a rejected poll, in seconds."""
        least, most = RETRY_AFTER
        return round(least + (most - least) * self._dice())
