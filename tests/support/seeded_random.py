"""Random moments that can be had again: the seed is printed when a test fails, and FAULTS_SEED takes it back."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator

TWENTY = 20


class Moments(random.Random):
    """A generator of random numbers that knows its seed, and passes the time."""

    def __init__(self) -> None:
        self.chosen = int(os.environ.get("FAULTS_SEED", "0")) or random.SystemRandom().randrange(1, 10**9)
        super().__init__(self.chosen)
        print(f"to have these moments again: FAULTS_SEED={self.chosen}")  # noqa: T201  (pytest shows it on failure)

    def twenty(self, shortest: float, longest: float) -> Iterator[int]:
        """Count to twenty, with a random time before each."""
        for number in range(TWENTY):
            time.sleep(self.uniform(shortest, longest))
            yield number
