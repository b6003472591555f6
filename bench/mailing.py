"""The worker's CPU time for an email, compared with a worker that forks for each job, as RQ does."""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

import redis

from app.core.time import now
from app.extensions import db
from app.jobs import enqueue
from bench import data, proc, servers
from tests.support.ports import wait_for
from tests.support.smtp import Mailbox

JOBS = {"own": 200, "fork": 40}  # emails in one round
ROUNDS = 3
WORKERS = {"own": ["worker.py", "mail"], "fork": ["-m", "bench.forking_worker", "mail"]}


def run(folder: Path) -> dict[str, float]:
    """Measure the CPU time of one email, and its ratio to a worker that forks for each job.

    `mail_job_cpu_ms` is the worker's CPU time for one email, in milliseconds. `mail_job_cpu_vs_fork` is this time
    divided by that of a worker that forks (lower is better). `mail_jobs_per_s` is the number of emails that a worker
    sends per second.
    """
    mails = Mailbox()
    mails.start()
    try:
        with servers.valkey(folder / "redis") as redis_url:
            return _compare(folder / "site", redis_url, mails)
    finally:
        mails.stop()


def _compare(folder: Path, redis_url: str, mails: Mailbox) -> dict[str, float]:
    app = data.app_on(folder, redis_url)
    with data.filling(app):
        data.people(1)
    env = {"REDIS_URL": redis_url, "DATA_DIR": str(folder), "MAIL_SERVER": "127.0.0.1", "MAIL_PORT": str(mails.port)}

    def measure(kind: str) -> tuple[float, float]:
        """Return (CPU milliseconds, seconds) for one email."""
        with servers.process([sys.executable, *WORKERS[kind]], {**env, "SECRET_KEY": servers.SECRET}) as worker:
            client = redis.Redis.from_url(redis_url)
            wait_for(lambda: _listens(client), seconds=30, why="the worker to listen")
            _send(2)  # warm up: load modules
            before, began = _used(worker.pid), time.monotonic()
            _send(JOBS[kind])
            return (_used(worker.pid) - before) * 1e3 / JOBS[kind], (time.monotonic() - began) / JOBS[kind]

    def _send(count: int) -> None:
        mails.clear()
        with app.app_context():
            for _ in range(count):
                enqueue("accounts.mail_notice", user_id=1, what="password", to="", at=now().isoformat())
            db.session.commit()
        wait_for(lambda: len(mails) == count, seconds=120, every=0.01, why="the emails")

    rounds = [{kind: measure(kind) for kind in WORKERS} for _ in range(ROUNDS)]
    return {
        "mail_job_cpu_vs_fork": statistics.median(one["own"][0] / one["fork"][0] for one in rounds),
        "mail_job_cpu_ms": statistics.median(one["own"][0] for one in rounds),
        "mail_jobs_per_s": statistics.median(1 / one["own"][1] for one in rounds),
        "mail_job_fork_cpu_ms": statistics.median(one["fork"][0] for one in rounds),
    }


def _listens(client: redis.Redis) -> bool:
    return any("b" in one["flags"] for one in client.client_list())  # "b" is a blocked client, which waits for a job


def _used(pid: int) -> float:
    """Return the CPU time of a process and all its descendants, in seconds."""
    return proc.used(pid) + sum(_used(child) for child in proc.children(pid))
