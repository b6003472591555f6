"""Measure how busy a web process is. If it is busy, slow down polls, so that page views and writes stay fast.

The load is a number from 0 (idle) to 1 (fully busy), averaged over about ten seconds. As the load grows, the poll
interval grows in steps, and browsers poll less often. Near full load, most polls that would need SQL are rejected. Page
views and writes are never rejected.

The load is the higher of two values: the share of request threads in use, and the share of one CPU core that the
process uses. The first value grows if the database or the machine is slow. The second value is needed because all
threads of a Python process share one core: many short requests can use up the core while most threads are free.
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
    """A step of the poll interval: if the load is at least `busy`, the interval is POLL_INTERVAL times `times`."""

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
    """The load of this web process: how busy its threads and its CPU core are, from 0 to 1.

    The load decides how often browsers poll, and how many polls are rejected. `threads` is the number of threads that
    handle requests. `interval` is the setting POLL_INTERVAL in seconds, which is the poll interval at low load.
    """

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
        """The current poll interval in seconds. It grows with the load."""
        return self.intervals[self.step]

    def enter(self) -> None:
        """Record that a request has started."""
        with self._lock:
            moment = self._clock()
            self._worked += self._running * (moment - self._at)
            self._at = moment
            self._running += 1
            if moment - self._updated_at >= UPDATE_EVERY:
                self._update(moment)

    def leave(self) -> None:
        """Record that a request has ended.

        The time for sending the response is not counted, because it depends on the client's connection.
        """
        with self._lock:
            moment = self._clock()
            self._worked += self._running * (moment - self._at)
            self._at = moment
            self._running -= 1

    def _update(self, moment: float) -> None:
        """Update the load with the work since the last update, and choose the poll interval for it.

        The load is an exponential moving average.
        """
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
        """Return whether to reject a poll that would need SQL. The decision is random.

        Polls are rejected only near full load. The probability grows with the load.
        """
        excess = (self.busy - SHED_FROM) / (1 - SHED_FROM)
        return excess > 0 and self._dice() < excess * MAX_SHED

    def retry_after(self) -> int:
        """Return the value of the Retry-After header for a rejected poll: a random number of seconds."""
        least, most = RETRY_AFTER
        return round(least + (most - least) * self._dice())
