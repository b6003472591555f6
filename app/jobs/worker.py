"""The worker process. It schedules jobs, and its child process runs them (app/jobs/child.py)."""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import FrameType

from flask import Flask
from sqlalchemy.exc import DBAPIError, OperationalError

from app.extensions import db
from app.jobs import broker, child, scheduler
from app.jobs.registry import QUEUES
from app.lib.process_guard import end_with

TICK_EVERY = 1.0  # seconds
PERIODIC_EVERY = 60.0
PRUNE_EVERY = 3600.0
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)


def run(app: Flask, queues: Sequence[str]) -> int:
    """Run the scheduler and the jobs from `queues` until a signal arrives. Return the exit status.

    If `queues` is empty, run the jobs from all queues.

    After SIGTERM or SIGINT, the worker finishes the running job and exits. A second signal, at least one second after
    the first, aborts the running job.
    """
    unknown = set(queues) - set(QUEUES)
    if unknown:
        names = ", ".join(sorted(unknown))
        sys.stderr.write(f"worker: no such queue: {names} (there are {', '.join(QUEUES)})\n")
        return 2
    deadline = child.Deadline()

    def take_jobs() -> int:
        return child.run_rq(app, queues or QUEUES, deadline)

    return _Parent(app, take_jobs, deadline).run()


class _Parent:
    """The parent process. It schedules jobs, and keeps one child process running, which takes jobs from RQ."""

    def __init__(self, app: Flask, take_jobs: Callable[[], int], deadline: child.Deadline) -> None:
        self._app = app
        self._take_jobs = take_jobs
        self._deadline = deadline
        self._child = 0
        self._stopping = False
        self._wakeup, self._signalled = os.pipe()
        os.set_blocking(self._wakeup, False)
        os.set_blocking(self._signalled, False)

    def run(self) -> int:
        """Schedule jobs, and replace the child whenever it exits, until a signal arrives. Return 0."""
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # a handler is needed, so that the signal interrupts a pause
        signal.set_wakeup_fd(self._signalled, warn_on_full_buffer=False)
        guard = _Guard(self._app)
        periodic_at = pruned_at = 0.0
        self._start_child()
        while True:
            if not self._look_after_child():
                return 0
            if not self._stopping:
                tick = time.monotonic()
                with self._app.app_context():
                    broker.say_worker_is_alive()
                guard.run(scheduler.run_once)
                if tick >= periodic_at:
                    periodic_at = tick + PERIODIC_EVERY
                    guard.run(scheduler.enqueue_periodic)
                if tick >= pruned_at:
                    pruned_at = tick + PRUNE_EVERY
                    guard.run(scheduler.prune)
            self._pause(TICK_EVERY)

    def _stop(self, _signal: int, _frame: FrameType | None) -> None:
        self._stopping = True
        with suppress(ProcessLookupError):
            os.kill(self._child, signal.SIGTERM)  # forward every signal: RQ ends the job at the second one

    def _start_child(self) -> None:
        with self._app.app_context():
            db.engine.dispose()  # two processes must not share a connection
        self._deadline.clear()
        parent = os.getpid()
        # Block signals until both processes have set their signal handlers.
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        self._child = os.fork()
        if self._child == 0:
            end_with(parent)  # end the child if its parent dies
            status = 1
            try:
                signal.set_wakeup_fd(-1)
                for number in SIGNALS:
                    signal.signal(number, signal.SIG_DFL)
                signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
                status = self._take_jobs()
            except Exception:
                self._app.logger.exception("the worker's child failed")
            finally:
                os._exit(status)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)

    def _look_after_child(self) -> bool:
        """Start a new child process if the child has exited. If its job has passed the deadline, kill the child first.

        Return True. If the worker is stopping and the child has exited, start no child and return False.
        """
        if self._deadline.has_passed():
            self._app.logger.error("a job did not end in time, and is killed with its process (%d)", self._child)
            os.kill(self._child, signal.SIGKILL)
            os.waitpid(self._child, 0)
        else:
            ended, status = os.waitpid(self._child, os.WNOHANG)
            if not ended:
                return True
            code = os.waitstatus_to_exitcode(status)
            if code != child.RECYCLE and not self._stopping:
                self._app.logger.warning("the worker's child ended by itself (%d), and is started again", code)
                self._pause(1)
        if self._stopping:
            return False
        self._start_child()
        return True

    def _pause(self, seconds: float) -> None:
        """Wait for `seconds`, or until a signal arrives, such as SIGCHLD when the child exits."""
        select.select([self._wakeup], [], [], seconds)
        with suppress(BlockingIOError):
            os.read(self._wakeup, 4096)


class _Guard:
    """Runs steps of the scheduler, and logs their errors instead of raising them.

    A failed step runs again when it is next due. A database outage is logged once when it begins and once when it ends,
    not at every step.
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
                    self._app.logger.warning("the scheduler waits for the database: %s", reason)
                self._waiting = True
                self._start_over()
            except Exception:
                self._app.logger.exception("the scheduler stumbled")
                self._start_over()
            else:
                if self._waiting:
                    self._app.logger.warning("the scheduler has its database again")
                self._waiting = False

    def _start_over(self) -> None:
        with suppress(DBAPIError):
            db.session.rollback()
        db.engine.dispose()
