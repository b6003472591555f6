"""The worker's child process, which takes jobs from RQ and runs them.

RQ itself would fork a process for each job. In this app, a fork costs 30 ms of CPU time, because the new process
connects to the database, compiles SQL statements and loads templates again. For a job that sends an email, these 30 ms
would be 80 % of the CPU time. So jobs from the queues in `IN_PROCESS` run in the child process itself, one after
another. Only jobs from the other queues run in a fork.

The child exits after `JOBS_PER_CHILD` jobs, which limits memory leaks. Its parent (app/jobs/worker.py) then starts a
new child.
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

from app.core.redis_client import connect_blocking
from app.extensions import db
from app.jobs.runner import END_WITHIN, is_ending

IN_PROCESS = frozenset({"mail", "default"})  # queues whose jobs are short
JOBS_PER_CHILD = 500
# A job that is still running this many seconds after its timeout is killed with its process. GRACE must be longer than
# END_WITHIN. Otherwise, a job could be killed while it records its result, and an email could be sent twice.
GRACE = END_WITHIN + 30
RECYCLE = 75  # exit status of a child that should be replaced (EX_TEMPFAIL of sysexits.h)


class Deadline:
    """The time by which the running job must end, in memory that the parent process and its child share.

    The child sets the deadline. The parent checks it and kills the child if the job hangs.
    """

    def __init__(self) -> None:
        self._moment = memoryview(mmap.mmap(-1, 8)).cast("d")  # monotonic seconds; 0 = no job is running

    def set(self, seconds: float) -> None:
        """Set the deadline of the job that starts now to `seconds` from now."""
        self._moment[0] = time.monotonic() + seconds

    def clear(self) -> None:
        """Remove the deadline, because no job is running."""
        self._moment[0] = 0.0

    def has_passed(self) -> bool:
        """Return whether a job is running and its deadline has passed."""
        return 0.0 < self._moment[0] < time.monotonic()


class TimeLimit(UnixSignalDeathPenalty):
    """RQ's job timeout. It raises an exception in a job that runs too long, unless the job is recording its result."""

    struck = False  # whether a timeout has raised an exception in this process

    def handle_death_penalty(self, signum: int, frame: FrameType | None) -> None:
        """Handle SIGALRM from RQ's timer: raise the timeout exception, unless the job is recording its result."""
        if is_ending():
            return
        TimeLimit.struck = True
        super().handle_death_penalty(signum, frame)  # type: ignore[no-untyped-call]  # RQ has no type hints


class RqWorker(Worker):
    """RQ's worker, changed to run short jobs in its own process."""

    death_penalty_class = TimeLimit
    max_connection_wait_time = 5.0  # the longest wait between attempts to reach Redis, in seconds; RQ's default is 60
    told_to_stop = False
    deadline = Deadline()

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """Handle SIGTERM and SIGINT: finish the running job, then exit."""
        self.told_to_stop = True
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]

    def get_heartbeat_ttl(self, job: RqJob) -> int:
        """Return the number of seconds without a heartbeat after which RQ considers the job dead.

        A job that runs in this process sends no heartbeats to RQ. For such a job, the number is longer than the job's
        timeout.
        """
        if job.origin in IN_PROCESS:
            return int(job.timeout or 0) + GRACE
        return super().get_heartbeat_ttl(job)

    def execute_job(self, job: RqJob, queue: Queue) -> None:
        """Run the job in this process, or in a fork if its queue is not in `IN_PROCESS`."""
        if queue.name not in IN_PROCESS:
            # Two processes must not share a connection, and SQLite forbids closing one that was opened before a fork.
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
            # Stop, so that the parent starts a new process: an exception at an arbitrary line may have left an
            # inconsistent state, and connections that are still in use can't be reset.
            self._stop_requested = True

    def kill_horse(self, *args: Any, **kwargs: Any) -> None:
        """Kill the fork that runs a job. If there is no fork, do nothing.

        RQ's own method would kill this process and its process group if there is no fork.
        """
        if self.horse_pid:
            super().kill_horse(*args, **kwargs)


@contextmanager
def unchanged_process() -> Iterator[None]:
    """Undo the `with` block's changes to the process: signal handlers, default socket timeout, open database sessions.

    The language, the transaction's mode and the current job need no reset. They belong to a context, and `perform` runs
    each job in its own context.
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
    """Run jobs from `queues` until a signal arrives or this process should be replaced. Return the exit status.

    The process should be replaced after JOBS_PER_CHILD jobs, after a job's timeout, after a job that left database
    connections open, and if Redis becomes unavailable during a job. The exit status is 0 after a signal, and RECYCLE
    otherwise.
    """
    connection = connect_blocking(app.config["REDIS_URL"])
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
        # While Redis is unavailable, an idle RQ worker waits. A worker that is running a job raises an error instead.
        with suppress(redis.RedisError):
            worker.work(logging_level="WARNING", max_jobs=JOBS_PER_CHILD)
    return 0 if worker.told_to_stop else RECYCLE


def _wait_for(connection: redis.Redis) -> None:
    """Wait until Redis answers.

    Redis can start at the same time as the worker, and RQ would exit if Redis does not answer yet.
    """
    while True:
        with suppress(redis.RedisError, OSError):
            connection.ping()
            return
        time.sleep(0.2)
