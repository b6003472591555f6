"""The worker's child process: it takes jobs from RQ and runs the short ones itself.

RQ forks for each job. In this application a fork costs 30 ms of CPU, four fifths of the cost of sending an email: the
new process has to open the database, compile its statements and load its templates again. So jobs of the queues in
`IN_PROCESS` run here, one after the other, and only those of the other queues in a fork. The child ends after
`JOBS_PER_CHILD` jobs and its parent (app/jobs/worker.py) starts another one, which limits memory leaks.
"""

from __future__ import annotations

import mmap
import signal
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

import redis
from flask import Flask
from rq import Queue, Worker
from rq.job import Job as RqJob
from rq.serializers import JSONSerializer
from rq.timeouts import UnixSignalDeathPenalty
from rq.worker import WorkerStatus
from sqlalchemy.orm import close_all_sessions
from sqlalchemy.pool import QueuePool

from app.core.redis_client import connect_patiently
from app.extensions import db
from app.jobs.runner import END_WITHIN, is_ending

IN_PROCESS = frozenset({"mail", "default"})  # queues whose jobs are short
JOBS_PER_CHILD = 500
# Seconds past its timeout after which a job is killed with its process. Includes the time that a finished job may take
# to record its result: an email must not be sent twice because the database is locked.
GRACE = END_WITHIN + 30
RECYCLE = 75  # exit status of a child that should be replaced (EX_TEMPFAIL of sysexits.h)


class Deadline:
    """The time by which the running job must end, in memory shared by a process and the children that it forks.

    A hung job cannot report that it hangs, so the parent process reads the deadline.
    """

    def __init__(self) -> None:
        self._moment = memoryview(mmap.mmap(-1, 8)).cast("d")  # monotonic seconds; 0 = no job is running

    def set(self, seconds: float) -> None:
        """Set the deadline of the job that starts now to this many seconds from now."""
        self._moment[0] = time.monotonic() + seconds

    def clear(self) -> None:
        """Remove the deadline: no job is running."""
        self._moment[0] = 0.0

    def has_passed(self) -> bool:
        """Return whether a job is running past its deadline."""
        return 0.0 < self._moment[0] < time.monotonic()


class TimeLimit(UnixSignalDeathPenalty):
    """RQ's time limit. It raises in the job at its timeout, unless the job is done and is recording its result."""

    struck = False  # whether it has raised in this process

    def handle_death_penalty(self, signum: int, frame: FrameType | None) -> None:
        """Handle SIGALRM for RQ."""
        if is_ending():
            return
        TimeLimit.struck = True
        super().handle_death_penalty(signum, frame)  # type: ignore[no-untyped-call]  # RQ has no type hints


class RqWorker(Worker):
    """RQ's worker, which runs short jobs in its own process."""

    death_penalty_class = TimeLimit
    max_connection_wait_time = 5.0  # seconds between attempts to reach Redis; RQ waits up to a minute
    told_to_stop = False
    deadline = Deadline()

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """Handle SIGTERM and SIGINT for RQ: finish the running job, then end."""
        self.told_to_stop = True
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]

    def get_heartbeat_ttl(self, job: RqJob) -> int:
        """Return the seconds for which RQ considers the job alive. While a job runs in this process, there are no
        heartbeats.
        """
        if job.origin in IN_PROCESS:
            return int(job.timeout or 0) + GRACE
        return super().get_heartbeat_ttl(job)

    def execute_job(self, job: RqJob, queue: Queue) -> None:
        """Run the job in this process, or in a fork if its queue is for long jobs."""
        if queue.name not in IN_PROCESS:
            # Two processes must not share an open connection. SQLite even forbids closing it in the other process.
            db.engine.dispose()
            super().execute_job(job, queue)
            return
        self.prepare_execution(job)
        self.deadline.set(int(job.timeout or 0) + GRACE)
        try:
            with unchanged_process():
                self.perform_job(job, queue)
        finally:
            self.deadline.clear()
        self.set_state(WorkerStatus.IDLE)
        if TimeLimit.struck or _left_connections_open():
            # An exception at an arbitrary line may leave inconsistent state, and connections in use can't be reset.
            self._stop_requested = True

    def kill_horse(self, *args: Any, **kwargs: Any) -> None:
        """Kill the fork of a long job. Without a fork, RQ would kill this process group."""
        if self.horse_pid:
            super().kill_horse(*args, **kwargs)


@contextmanager
def unchanged_process() -> Iterator[None]:
    """Restore what the block changes in the process: signal handlers, the default timeout of sockets, sessions.

    State that belongs to a context (the language, the transaction's mode, the current job) is reset by `perform`, which
    runs each job in its own context.
    """
    handlers = {number: signal.getsignal(number) for number in signal.valid_signals()}
    try:
        yield
    finally:
        socket.setdefaulttimeout(None)
        close_all_sessions()
        for number, handler in handlers.items():
            if handler is not None and signal.getsignal(number) is not handler:
                signal.signal(number, handler)


def _left_connections_open() -> bool:
    return isinstance(db.engine.pool, QueuePool) and db.engine.pool.checkedout() > 0


def run_rq(app: Flask, queues: Sequence[str], deadline: Deadline) -> int:
    """Run jobs from `queues` until a signal, or until this process should be replaced. Return the exit status: 0 or
    RECYCLE.
    """
    connection = connect_patiently(app.config["REDIS_URL"])
    _wait_for(connection)
    with app.app_context():
        worker = RqWorker(
            [Queue(name, connection=connection, serializer=JSONSerializer) for name in queues],
            connection=connection,
            serializer=JSONSerializer,
            worker_ttl=30,
            maintenance_interval=10,
            job_monitoring_interval=5,
            log_job_description=False,
        )
        worker.deadline = deadline
        # If Redis becomes unavailable, an idle RQ worker waits for it, but a worker that runs a job ends.
        with suppress(redis.RedisError):
            worker.work(logging_level="WARNING", max_jobs=JOBS_PER_CHILD)
    return 0 if worker.told_to_stop else RECYCLE


def _wait_for(connection: redis.Redis) -> None:
    """Wait until Redis answers. RQ ends if Redis is unavailable at its start, and Redis may be starting at the same
    time.
    """
    while True:
        with suppress(redis.RedisError, OSError):
            connection.ping()
            return
        time.sleep(0.2)
