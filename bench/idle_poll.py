"""The request rate of idle polls, compared with two baselines, which are measured in turns on the same machine.

The baselines are a Flask view that only decodes the session and sends one command to Redis (bench/baseline.py), and the
poll of the Mega-Tutorial, which writes to the database (bench/tutorial_poll.py).
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import redis
from flask import Flask
from flask.sessions import SecureCookieSessionInterface

from app.config import ROOT
from bench import data, rates, servers
from bench.rates import Target

ROUNDS, SECONDS, CONNECTIONS = 7, 2.0, (1, 8)
PATH = "/notifications?since=0.0"


def run(folder: Path) -> dict[str, float]:
    """Measure idle polls per second, and their ratios to both baselines (higher is better)."""
    with servers.valkey(folder / "redis") as redis_url:
        _app, cookie = data.make(folder / "poll", redis_url, posts=10, followed=5)
        redis.Redis.from_url(redis_url).set("floor:1", 1)
        tutorial = {"DATABASE_URL": f"sqlite:///{folder / 'tutorial.db'}", "SECRET_KEY": servers.SECRET}
        fill = [sys.executable, "-m", "bench.tutorial_poll"]
        subprocess.run(fill, cwd=ROOT, env={**os.environ, **tutorial}, check=True)
        own = {"REDIS_URL": redis_url, "DATA_DIR": str(folder / "poll"), "MICROBLOG_ENV": "development"}
        with (
            servers.web("microblog:app", own) as poll_port,
            servers.web("bench.baseline:app", {"REDIS_URL": redis_url}) as floor_port,
            servers.web("bench.tutorial_poll:app", tutorial) as tutorial_port,
        ):
            return _compare(
                poll=Target(poll_port, PATH, cookie),
                floor=Target(floor_port, PATH, flask_cookie({"user_id": 1})),
                tutorial=Target(tutorial_port, PATH, flask_cookie({"_user_id": "1", "_fresh": True})),
            )


def _compare(**targets: Target) -> dict[str, float]:
    for name, target in targets.items():
        rates.once(target)  # fills the poll cache
        if rates.once(target) != b"[]\n":
            raise RuntimeError(f"{name}: an idle poll must answer an empty list")
    rounds = [{name: _best_rate(target) for name, target in targets.items()} for _ in range(ROUNDS)]
    median = {name: statistics.median(one[name] for one in rounds) for name in targets}
    return {
        "idle_poll_vs_floor": statistics.median(one["poll"] / one["floor"] for one in rounds),
        "idle_poll_vs_tutorial_write": statistics.median(one["poll"] / one["tutorial"] for one in rounds),
    } | {f"{name}_per_s": value for name, value in median.items()}


def _best_rate(target: Target) -> float:
    """Return the higher of the rates with one and with eight connections.

    For the tutorial's poll, one connection is faster, because concurrent SQLite writers wait for each other.
    """
    return max(rates.rate(target, seconds=SECONDS, connections=connections) for connections in CONNECTIONS)


def flask_cookie(content: dict[str, Any]) -> str:
    """Return a session cookie of Flask itself, for the baselines."""
    app = Flask("baseline")
    app.config["SECRET_KEY"] = servers.SECRET
    signer = SecureCookieSessionInterface().get_signing_serializer(app)
    if signer is None:
        raise RuntimeError("the baseline app has no SECRET_KEY")
    return f"session={signer.dumps(content)}"
