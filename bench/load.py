"""Load test: ten thousand browsers poll and send messages on a site started by `make run`. Is it fast and correct?

The site, its workers, Valkey, the mail sink and the load generator share the machine. See docs/performance.md.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text

from app.config import ROOT
from bench import data, proc, servers, write_lock
from bench.crowd import PATIENCE, Plan

INTERVAL = 10  # seconds between two polls of a browser
QUIET = 2.5 * INTERVAL  # seconds of polling after the last message, so that all badges are up to date
SAMPLE_EVERY = 5.0  # seconds between two samples of the memory
FIRST = 30.0  # the growth of memory is relative to the mean of this many first seconds
# The correct badges. The query is written without the site's own queries, to check them.
UNREAD = """
SELECT member.user_id, COUNT(*) FROM conversation_member AS member
JOIN message ON message.conversation_id = member.conversation_id
WHERE message.seq > member.read_seq AND message.sender_id <> member.user_id GROUP BY member.user_id
"""
JOBS = "SELECT state, COUNT(*) FROM job GROUP BY state"


@dataclass(frozen=True)
class Options:
    """How much load, and for how long."""

    seconds: int = 600
    browsers: int = 10_000
    messages_per_s: float = 10.0
    ramp: float = 60.0  # seconds within which the browsers start, one after another
    settle: float = 40.0  # seconds of warm-up with messages; the first emails are sent 20 seconds after it
    database: str = "sqlite"


def run(folder: Path, options: Options) -> dict[str, float]:
    """Run the load test. Return the figures: latencies in milliseconds, CPU time in cores, memory in MB, and counts."""
    with ExitStack() as stack:
        database_url = stack.enter_context(servers.postgresql()) if options.database == "postgresql" else ""
        cookies = data.make_correspondents(folder / "site", options.browsers, database_url)
        site = stack.enter_context(servers.whole_site(folder / "site", database_url))
        begin = time.monotonic() + 5
        measured = begin + options.ramp + options.settle
        plan = Plan(
            port=site.port,
            cookies=cookies,
            interval=INTERVAL,
            messages_per_s=options.messages_per_s,
            begin=begin,
            ramp=options.ramp,
            measure_from=measured,
            measure_until=measured + options.seconds,
            until=measured + options.seconds + QUIET,
            seed=3,
        )
        generator = subprocess.Popen(
            [sys.executable, "-m", "bench.crowd"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        stack.enter_context(generator)
        stack.callback(generator.kill)
        _give(generator, plan)
        time.sleep(plan.measure_from - time.monotonic())
        watch = _Watch(site, generator.pid)
        writes = None if database_url else stack.enter_context(write_lock.Watch(folder / "site" / "microblog.db"))
        while time.monotonic() < plan.measure_until:
            time.sleep(SAMPLE_EVERY)
            watch.sample()
        cores = watch.cores()
        if writes is not None:
            cores |= writes.figures()
        said, _ = generator.communicate(timeout=QUIET + PATIENCE + 60)
        seen = json.loads(said)
        engine = create_engine(database_url or f"sqlite:///{folder / 'site' / 'microblog.db'}")
        with engine.connect() as connection:
            truth = {int(user_id): int(count) for user_id, count in connection.execute(text(UNREAD))}
            jobs = {str(state): int(count) for state, count in connection.execute(text(JOBS))}
        engine.dispose()
    wrong = sum(badge != truth.get(number, 0) for number, badge in enumerate(seen["badges"], 1))
    for error in sorted(set(seen["log"]["errors"]))[:10]:
        print(f"  an error was: {error}")
    counts = {"load_errors": len(seen["log"]["errors"]) + jobs.get("failed", 0), "badges_wrong": wrong}
    counts |= {"jobs_done": jobs.get("done", 0)}
    memory = {"web_memory_growth": watch.growth(), "web_memory_spread": watch.spread()}
    memory |= {"web_memory_mb": watch.largest() / 2**20}
    return _latencies(seen["log"], options.seconds) | counts | memory | cores


def _give(generator: subprocess.Popen[str], plan: Plan) -> None:
    if generator.stdin is None:
        raise RuntimeError("the generator has no standard input")
    json.dump(asdict(plan), generator.stdin)
    generator.stdin.close()
    generator.stdin = None  # otherwise communicate() would flush the closed file


def _latencies(log: dict[str, Any], seconds: float) -> dict[str, float]:
    figures = {
        "poll_p50_ms": _percentile(log["polls"], 50),
        "poll_p99_ms": _percentile(log["polls"], 99),
        "message_p50_ms": _percentile(log["messages"], 50),
        "message_p99_ms": _percentile(log["messages"], 99),
        "read_p50_ms": _percentile(log["reads"], 50),
        "read_p99_ms": _percentile(log["reads"], 99),
        "page_p99_ms": _percentile(log["pages"], 99),
        "generator_late_p99_ms": _percentile(log["late"], 99),
    }
    return figures | {
        "polls_per_s": len(log["polls"]) / seconds,
        "polls_told_per_s": log["told"] / seconds,
        "polls_asked_to_wait": log["asked_to_wait"],
        "messages_per_s": len(log["messages"]) / seconds,
        "reads_per_s": len(log["reads"]) / seconds,
    }


def _mean(sizes: list[int]) -> float:
    return sum(sizes) / len(sizes)


def _percentile(seconds: list[float], percent: int) -> float:
    """Return a percentile in milliseconds by the nearest-rank method, so that it is a measured value."""
    ranked = sorted(seconds)
    return ranked[-(-len(ranked) * percent // 100) - 1] * 1e3 if ranked else float("nan")


class _Watch:
    """Measures the memory of the web processes, and the CPU time of all processes since it was created."""

    def __init__(self, site: servers.Site, generator: int) -> None:
        self._groups = {"web": site.web, "workers": site.workers, "redis": site.redis, "generator": [generator]}
        self._memory: list[list[int]] = [[] for _ in site.web]
        self._started_at = time.monotonic()
        self._before = self._used()

    def sample(self) -> None:
        """Record the current memory of each web process."""
        for pid, seen in zip(self._groups["web"], self._memory, strict=True):
            seen.append(proc.resident(pid))

    def growth(self) -> float:
        """Return the largest growth of a web process, relative to its mean in the first 30 seconds. 0.1 means 10 %."""
        first = int(FIRST / SAMPLE_EVERY)
        return max(max(seen) / _mean(seen[:first]) - 1 for seen in self._memory)

    def spread(self) -> float:
        """Return the largest deviation of a web process from its mean, relative to the mean."""
        return max(abs(size / _mean(seen) - 1) for seen in self._memory for size in seen)

    def largest(self) -> float:
        """Return the largest memory of a web process, in bytes."""
        return max(max(seen) for seen in self._memory)

    def cores(self) -> dict[str, float]:
        """Return the mean number of CPU cores that each group of processes used."""
        seconds = time.monotonic() - self._started_at
        now = self._used()
        return {f"cores_{name}": (now[name] - self._before[name]) / seconds for name in now}

    def _used(self) -> dict[str, float]:
        return {name: sum(map(proc.used, pids)) for name, pids in self._groups.items()}
