"""The CPU time of the hot requests, relative to the app of the Mega-Tutorial (`bench/tutorial`), measured in turns."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.config import ROOT
from bench import servers

ROUNDS = 9
REQUESTS = ("send", "home", "inbox", "told_poll")  # of both apps


def run(folder: Path, rounds: int = ROUNDS) -> dict[str, float]:
    """Measure the hot requests.

    `home_cpu_vs_tutorial` and the others are the medians of the rounds' ratios (lower is better). A round's CPU time is
    the median of its requests. `like_cpu_vs_send` compares a like with sending a message, both in our app.
    """
    database = f"sqlite:///{folder / 'tutorial.db'}"
    with (
        servers.valkey(folder / "redis") as redis_url,
        _app("bench.hot_site", str(folder / "site"), REDIS_URL=redis_url) as site,
        _app("bench.hot_tutorial", DATABASE_URL=database, SECRET_KEY=servers.SECRET) as tutorial,
    ):
        figures = _answer(site)  # when it is ready
        _answer(tutorial)
        turns = [(_round(site), _round(tutorial)) for _ in range(rounds)]
    figures |= {
        f"{name}_cpu_vs_tutorial": statistics.median(own[name] / theirs[name] for own, theirs in turns)
        for name in REQUESTS
    }
    figures["like_cpu_vs_send"] = statistics.median(own["like"] / own["send"] for own, _theirs in turns)
    for index, prefix in enumerate(("", "tutorial_")):
        for name in turns[0][index]:
            figures[f"{prefix}{name}_cpu_ms"] = statistics.median(turn[index][name] for turn in turns) * 1e3
    return figures


@contextmanager
def _app(module: str, *arguments: str, **env: str) -> Iterator[subprocess.Popen[str]]:
    """Start a process that measures rounds."""
    command = [sys.executable, "-m", module, *arguments]
    own = {**os.environ, **env}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, env=own, text=True, stdin=pipe, stdout=pipe) as process:
        try:
            yield process
        finally:
            process.terminate()


def _round(process: subprocess.Popen[str]) -> dict[str, float]:
    """Let a process measure a round. Return the CPU time of each request in seconds."""
    if process.stdin is None:
        raise ValueError("no pipe")
    print("round", file=process.stdin, flush=True)
    return _answer(process)


def _answer(process: subprocess.Popen[str]) -> dict[str, float]:
    line = process.stdout.readline() if process.stdout else ""
    if not line:
        raise ChildProcessError("the process that measures has ended")
    answer: dict[str, float] = json.loads(line)
    return answer
