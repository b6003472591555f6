"""How busy this web process is, and what its pollers hear of it: people who write go first.

A process measures itself, on the average of the last ten seconds. Pollers are told to come less often as that grows, in
steps; near the end of what the process can do, most polls that would cost SQL are sent away. Nobody who reads a page or
writes is: those are why the machine is there.

Two things run out, and the one that is nearer to its end counts. Request threads, when what they wait for is slow: the
database, or a machine that is busy with something else. And one core, since the threads of a Python process share it:
a flood of idle polls fills that long before it fills four threads.
"""

from __future__ import annotations

import math
import random
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

REMEMBERS = 10.0  # seconds: what is longer ago hardly counts. A burst of a second or two changes nothing
LOOKS_EVERY = 1.0  # seconds; between two looks, a request only adds up


class Step(NamedTuple):
    """From which part of its time at work a process asks its pollers to wait how many times POLL_INTERVAL."""

    busy: float
    times: float


# Polls are nearly all that a process is asked for, so twice the interval is nearly half of the work. With the default
# of 10 seconds the last step is a minute: longer than that nobody should wait for a badge.
STEPS = (Step(0.0, 1), Step(0.5, 2), Step(0.7, 3), Step(0.85, 6))
STAYS = 0.1  # a step is left when the load is this much below it, so that it does not flicker
SHED_FROM = 0.9  # from here on polls are sent away, the likelier the nearer the load is to all there is
MAX_SHED = 0.9  # one of ten is always let in, so that nobody stays deaf on a machine that is busy all day
RETRY_AFTER = (15, 45)  # seconds: those who were sent away together do not come back together


class Load:
    """The measure of one web process, which has that many `threads` for requests."""

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
        self.step = 0  # the place in STEPS
        self.busy = 0.0  # the part of the threads, or of the core, that was at work lately, 0 to 1
        self._threads = threads
        self._clock = clock
        self._cpu = cpu
        self._dice = dice
        self._lock = threading.Lock()
        self._running = 0  # requests at work now
        self._worked = 0.0  # thread-seconds since the last look
        self._at = self._looked_at = clock()  # up to where `_worked` is added up, and when was the last look
        self._cpu_then = cpu()  # at the last look

    @property
    def interval(self) -> int:
        """The seconds a poller is told to wait now."""
        return self.intervals[self.step]

    def enter(self) -> None:
        """A request begins."""
        with self._lock:
            moment = self._clock()
            self._worked += self._running * (moment - self._at)
            self._at = moment
            self._running += 1
            if moment - self._looked_at >= LOOKS_EVERY:
                self._look(moment)

    def leave(self) -> None:
        """A request is answered. Sending a file is not counted: that waits for the reader's line and not for us."""
        with self._lock:
            moment = self._clock()
            self._worked += self._running * (moment - self._at)
            self._at = moment
            self._running -= 1

    def _look(self, moment: float) -> None:
        """Take what was worked since the last look into the average, in which every moment counts less as it ages."""
        since = moment - self._looked_at
        cpu = self._cpu()
        now = min(max(self._worked / self._threads, cpu - self._cpu_then) / since, 1.0)
        self.busy = now + (self.busy - now) * math.exp(-since / REMEMBERS)
        self._looked_at, self._worked, self._cpu_then = moment, 0.0, cpu
        while self.step + 1 < len(STEPS) and self.busy >= STEPS[self.step + 1].busy:
            self.step += 1
        while self.busy < STEPS[self.step].busy - STAYS:
            self.step -= 1

    def sheds(self) -> bool:
        """Whether a poll that would cost SQL is sent away now."""
        excess = (self.busy - SHED_FROM) / (1 - SHED_FROM)
        return excess > 0 and self._dice() < excess * MAX_SHED

    def retry_after(self) -> int:
        """The seconds that somebody who is sent away is told to wait."""
        least, most = RETRY_AFTER
        return round(least + (most - least) * self._dice())
