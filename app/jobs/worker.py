"""The worker process: an RQ worker, and beside it the sweeper."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import FrameType

import redis
from flask import Flask
from rq import Queue, Worker
from rq.serializers import JSONSerializer
from sqlalchemy.exc import DBAPIError, OperationalError

from app.extensions import db
from app.jobs import handover, sweeper
from app.jobs.registry import QUEUES
from app.processes import end_with
from app.redis_client import connect_patiently

SWEEP_EVERY = 1.0  # seconds
PERIODIC_EVERY = 60.0
PRUNE_EVERY = 3600.0


def run(app: Flask, queues: Sequence[str]) -> int:
    """Run jobs from `queues` (default: all) until a signal; returns the exit status.

    SIGTERM and SIGINT are warm: the running job is finished first.
    """
    unknown = set(queues) - set(QUEUES)
    if unknown:
        names = ", ".join(sorted(unknown))
        sys.stderr.write(f"worker: no such queue: {names} (there are {', '.join(QUEUES)})\n")
        return 2
    # Forked before any connection is opened: a connection must not be shared by two processes.
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        end_with(parent)  # no RQ worker is left alone when the sweeper is gone
        status = 1
        try:
            status = _run_rq(app, queues or QUEUES)
        finally:
            os._exit(status)
    return _sweep_beside(app, child)


class _RqWorker(Worker):
    """RQ's worker, remembering whether it ended because it was told to."""

    told_to_stop = False
    max_connection_wait_time = 5.0  # seconds between two tries to reach a Redis that is away; RQ goes up to a minute

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """RQ's handler of SIGTERM and SIGINT."""
        self.told_to_stop = True
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]  # RQ's own lack of hints


def _run_rq(app: Flask, queues: Sequence[str]) -> int:
    connection = connect_patiently(app.config["REDIS_URL"])
    while True:
        _wait_for(connection)
        worker = _RqWorker(
            [Queue(name, connection=connection, serializer=JSONSerializer) for name in queues],
            connection=connection,
            serializer=JSONSerializer,
            worker_ttl=30,
            maintenance_interval=10,
            job_monitoring_interval=5,
            log_job_description=False,
        )
        # RQ waits for a Redis that goes away while it is idle, but ends when it goes away during a job.
        with app.app_context(), suppress(redis.RedisError):
            worker.work(logging_level="WARNING")
        # Until the next one listens, a signal ends us at once: the handlers left behind would tell one that is no more.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        if worker.told_to_stop:
            return 0
        app.logger.warning("RQ's worker ended by itself and is started again")
        time.sleep(1)


def _wait_for(connection: redis.Redis) -> None:
    """RQ ends when Redis is not there at its start; Redis may be starting beside us."""
    while True:
        with suppress(redis.RedisError, OSError):
            connection.ping()
            return
        time.sleep(0.2)


def _sweep_beside(app: Flask, child: int) -> int:
    stopping = False

    def stop(_signal: int, _frame: FrameType | None) -> None:
        nonlocal stopping
        if not stopping:
            stopping = True
            os.kill(child, signal.SIGTERM)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    guard = _Guard(app)
    periodic_at = pruned_at = 0.0
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return 0 if stopping else os.waitstatus_to_exitcode(status) or 1
        if not stopping:
            tick = time.monotonic()
            with app.app_context():
                handover.say_worker_is_alive()
            guard.run(sweeper.sweep)
            if tick >= periodic_at:
                periodic_at = tick + PERIODIC_EVERY
                guard.run(sweeper.order_periodic)
            if tick >= pruned_at:
                pruned_at = tick + PRUNE_EVERY
                guard.run(sweeper.prune)
        time.sleep(SWEEP_EVERY if not stopping else 0.1)


class _Guard:
    """Runs the sweeper's steps. One that fails is tried again at its next tick.

    An absent database is said in one line when it goes and one when it is back, not every second.
    """

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._waiting = False

    def run(self, step: Callable[[], object]) -> None:
        with self._app.app_context():
            try:
                step()
            except OperationalError as error:
                if not self._waiting:
                    reason = str(error.orig).partition("\n")[0]
                    self._app.logger.warning("the sweeper waits for the database: %s", reason)
                self._waiting = True
                self._start_over()
            except Exception:
                self._app.logger.exception("the sweeper stumbled")
                self._start_over()
            else:
                if self._waiting:
                    self._app.logger.warning("the sweeper has its database again")
                self._waiting = False

    def _start_over(self) -> None:
        with suppress(DBAPIError):
            db.session.rollback()
        db.engine.dispose()
