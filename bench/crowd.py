"""The load generator: `python -m bench.crowd` reads a plan from stdin, runs it, and writes the results to stdout.

Every request has a due time that is fixed in advance, and its latency is measured from then. A late response does not
delay the next request. So if the server hangs for a second, the latencies of all requests due in this second include
the delay. To leave these out is a common error, called "coordinated omission" (Gil Tene, "How NOT to Measure Latency",
2013).
"""

from __future__ import annotations

import asyncio
import gc
import json
import random
import sys
from collections.abc import Coroutine
from dataclasses import asdict, dataclass
from time import monotonic
from typing import Any

from bench import data
from bench.browsers import Browser, Log, Site

THINKS = 3.0  # seconds between loading the page of a form and sending the form
READS = 0.5  # the share of received messages that are read
PATIENCE = 20.0  # seconds that unanswered requests may still take at the end


@dataclass(frozen=True)
class Plan:
    """The plan of a run. Times are in seconds on the machine's monotonic clock, which is the same for all processes."""

    port: int
    cookies: list[str]  # of users 1, 2, ...
    interval: int  # seconds between two polls of a browser
    messages_per_s: float
    begin: float  # the time of the first poll
    ramp: float  # seconds within which the browsers start, one after another
    measure_from: float
    measure_until: float  # also the time of the last message
    until: float  # the time of the last poll
    seed: int


class Crowd:
    """All browsers of a plan, and the messages that their users write and read."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.log = Log()
        site = Site(plan.port, plan.interval)
        self.browsers = [
            Browser(data.name(number), cookie, loopback(number), site, self.log)
            for number, cookie in enumerate(plan.cookies, 1)
        ]
        self._errands: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Run the plan."""
        plan = self.plan
        step = plan.ramp / len(self.browsers)
        order = random.sample(self.browsers, len(self.browsers))
        lives = [
            asyncio.create_task(browser.live(plan.begin + number * step, plan.until, self._heard))
            for number, browser in enumerate(order)
        ]
        self._send_on(self._measure())
        self._send_on(self._write())
        await asyncio.sleep(plan.until - monotonic())
        for task in (await asyncio.wait([*lives, *self._errands], timeout=PATIENCE))[1]:
            self.log.errors.append("unanswered at the end")
            task.cancel()

    def _send_on(self, errand: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(errand)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    async def _measure(self) -> None:
        await asyncio.sleep(self.plan.measure_from - monotonic())
        gc.collect()
        gc.freeze()  # so that the garbage collector does not scan ten thousand browsers repeatedly
        self.log.on = True
        await asyncio.sleep(self.plan.measure_until - monotonic())
        self.log.on = False

    async def _write(self) -> None:
        """Send messages at an even rate, each to a follower of the sender. Start when all browsers have started."""
        due = self.plan.begin + self.plan.ramp
        number = 0
        while due < self.plan.measure_until:
            await asyncio.sleep(due - THINKS - monotonic())
            writer, reader = self._correspondents()
            writer.busy = True
            self._send_on(writer.write_to(reader.name, f"Message number {number} ⛵", due, THINKS))
            due += 1 / self.plan.messages_per_s
            number += 1

    def _correspondents(self) -> tuple[Browser, Browser]:
        """Choose a random sender who is not busy, and a random follower of the sender."""
        count = len(self.browsers)
        number = random.randint(1, count)
        while self.browsers[number - 1].busy:
            number = random.randint(1, count)
        return self.browsers[number - 1], self.browsers[random.choice(data.followers(number, count)) - 1]

    def _heard(self, browser: Browser, writer: str) -> None:
        if not browser.busy and random.random() < READS and monotonic() < self.plan.measure_until:
            browser.busy = True
            self._send_on(browser.read(writer))


def loopback(number: int) -> str:
    """Return a loopback address. Each browser has a different one, because rate limits count requests by address."""
    return f"127.{1 + number // 62_500}.{number // 250 % 250}.{1 + number % 250}"


def main() -> None:
    """Read the plan, run it, and write the results."""
    plan = Plan(**json.load(sys.stdin))
    random.seed(plan.seed)
    crowd = Crowd(plan)
    asyncio.run(crowd.run())
    badges = [browser.badge for browser in crowd.browsers]
    json.dump({"log": asdict(crowd.log), "badges": badges}, sys.stdout)


if __name__ == "__main__":
    main()
