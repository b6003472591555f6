"""The worker's child: it takes jobs from RQ and runs the short ones itself.

RQ forks for each job. In this application a fork costs 30 ms of CPU, because the new process has to open the database,
compile its statements and load its templates again: four fifths of what it takes to send an email. So jobs of the
queues in `IN_PROCESS` run here, one after the other, and only those of the other queues in a fork. The child ends after
`JOBS_PER_CHILD` jobs, and its parent (app/jobs/worker.py) starts another one, which bounds what leaks can add up to.
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
# Seconds past its timeout after which a job is killed with its process. It includes the time that a finished job may
# take to record its end: an email that was sent must not be sent again because the database is locked.
GRACE = END_WITHIN + 30
RECYCLE = 75  # exit status of a child that is to be replaced (EX_TEMPFAIL of sysexits.h)


class Deadline:
    """When the running job must have ended, in memory that a process shares with the children it forks.

    A hung job cannot report that it hangs, so its parent reads this.
    """

    def __init__(self) -> None:
        self._moment = memoryview(mmap.mmap(-1, 8)).cast("d")  # monotonic seconds; 0 = no job is running

    def set(self, seconds: float) -> None:
        """Allow the job that starts now this many seconds."""
        self._moment[0] = time.monotonic() + seconds

    def clear(self) -> None:
        """No job is running any more."""
        self._moment[0] = 0.0

    def has_passed(self) -> bool:
        """Whether a job is running that should have ended."""
        return 0.0 < self._moment[0] < time.monotonic()


class TimeLimit(UnixSignalDeathPenalty):
    """RQ's time limit: it raises in the job at its timeout, except when the job is done and is recording that."""

    struck = False  # whether it has raised in this process

    def handle_death_penalty(self, signum: int, frame: FrameType | None) -> None:
        """RQ's handler of SIGALRM."""
        if is_ending():
            return
        TimeLimit.struck = True
        super().handle_death_penalty(signum, frame)  # type: ignore[no-untyped-call]  # RQ's own lack of hints


class RqWorker(Worker):
    """RQ's worker, with short jobs run in its own process."""

    death_penalty_class = TimeLimit
    max_connection_wait_time = 5.0  # seconds between two tries to reach a Redis that is away; RQ goes up to a minute
    told_to_stop = False
    deadline = Deadline()

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """RQ's handler of SIGTERM and SIGINT: finish the running job, then end."""
        self.told_to_stop = True
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]

    def get_heartbeat_ttl(self, job: RqJob) -> int:
        """Seconds for which RQ believes that the job runs: no one beats while it runs in this process."""
        if job.origin in IN_PROCESS:
            return int(job.timeout or 0) + GRACE
        return super().get_heartbeat_ttl(job)

    def execute_job(self, job: RqJob, queue: Queue) -> None:
        """Run the job here, or in a fork when its queue is for long ones."""
        if queue.name not in IN_PROCESS:
            # An open connection must not be shared by two processes. SQLite forbids to even close it in the other one.
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
            # An exception at any line may have left anything half done, and what is still in use cannot be reset.
            self._stop_requested = True

    def kill_horse(self, *args: Any, **kwargs: Any) -> None:
        """Kill the fork of a long job. RQ would kill this process group when there is none."""
        if self.horse_pid:
            super().kill_horse(*args, **kwargs)


@contextmanager
def unchanged_process() -> Iterator[None]:
    """Undo what the block changes in the process: signal handlers, the default timeout of sockets, sessions.

    What belongs to a context (the language, the transaction's mode, the current job) is reset by `perform` itself,
    which runs each job in a context of its own.
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
    """Run jobs from `queues` until a signal (0), or until this process is to be replaced (RECYCLE): the exit status."""
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
        # RQ waits for a Redis that goes away while it is idle, but ends when it goes away during a job.
        with suppress(redis.RedisError):
            worker.work(logging_level="WARNING", max_jobs=JOBS_PER_CHILD)
    return 0 if worker.told_to_stop else RECYCLE


def _wait_for(connection: redis.Redis) -> None:
    """RQ ends when Redis is not there at its start; Redis may be starting beside us."""
    while True:
        with suppress(redis.RedisError, OSError):
            connection.ping()
            return
        time.sleep(0.2)
