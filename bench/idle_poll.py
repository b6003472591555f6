"""The idle poll against the floor: same server, same run, in turns."""

from __future__ import annotations

import statistics
from pathlib import Path

import redis
from flask import Flask
from flask.sessions import SecureCookieSessionInterface

from bench import data, load, servers

ROUNDS, SECONDS, CONNECTIONS = 5, 2.0, 8


def run(folder: Path) -> dict[str, float]:
    """`idle_poll_vs_floor`: requests per second of the poll over those of the floor (more is better)."""
    with servers.valkey(folder / "redis") as redis_url:
        _app, cookie = data.make(folder / "poll", redis_url, posts=10, followed=5)
        redis.Redis.from_url(redis_url).set("floor:1", 1)
        env = {"REDIS_URL": redis_url, "DATA_DIR": str(folder / "poll"), "MICROBLOG_ENV": "development"}
        with servers.web("microblog:app", env) as poll_port, servers.web("bench.floor:app", env) as floor_port:
            poll = load.Target(poll_port, "/notifications?since=0.0", cookie)
            floor = load.Target(floor_port, "/notifications?since=0.0", floor_cookie())
            if load.once(poll) != b"[]\n" or load.once(floor) != b"[]\n":
                raise RuntimeError("an idle poll must answer an empty list")
            ratios = []
            for _ in range(ROUNDS):
                bare = load.rate(floor, seconds=SECONDS, connections=CONNECTIONS)
                ours = load.rate(poll, seconds=SECONDS, connections=CONNECTIONS)
                ratios.append(ours / bare)
    return {"idle_poll_vs_floor": statistics.median(ratios), "idle_poll_per_s": ours, "floor_per_s": bare}


def floor_cookie() -> str:
    """Flask's own session cookie for the floor."""
    app = Flask("floor")
    app.config["SECRET_KEY"] = servers.SECRET
    signer = SecureCookieSessionInterface().get_signing_serializer(app)
    if signer is None:
        raise RuntimeError("the floor has no secret")
    return f"session={signer.dumps({'user_id': 1})}"
