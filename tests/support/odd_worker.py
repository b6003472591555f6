"""A worker with jobs that show, or try, how it treats its processes. The app itself declares none of them.

    stack.restart("worker-1", module="tests.support.odd_worker")
    stack.run("tests.support.odd_worker", "order", "tests.pid", '{"number": 1}')

It replaces its child after `JOBS` short jobs, and kills a job one second after its timeout.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path

from app import create_app
from app.extensions import db
from app.jobs import child, enqueue, job
from app.jobs.worker import run

JOBS = 3


@job("tests.pid")
def pid(number: int) -> dict[str, int]:
    """Say which process runs it."""
    return {"pid": os.getpid()}


@job("tests.slow_pid", queue="slow")
def slow_pid(number: int) -> dict[str, int]:
    """The same for a long job."""
    return {"pid": os.getpid()}


@job("tests.hang", timeout=1)
def hang(note: str) -> None:
    """Hang the first time, deaf to its time limit."""
    if not Path(note).exists():
        Path(note).write_text(str(os.getpid()))
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
        time.sleep(600)


@job("tests.work")
def work(note: str, end: str) -> None:
    """Work until the file `end` is there."""
    Path(note).write_text(str(os.getpid()))
    while not Path(end).exists():
        time.sleep(0.02)


def order(name: str, arguments: str, count: str = "1") -> None:
    """Order some of one kind."""
    with create_app().app_context():
        for _ in range(int(count)):
            enqueue(name, **json.loads(arguments))
        db.session.commit()


if __name__ == "__main__":
    if sys.argv[1:2] == ["order"]:
        order(*sys.argv[2:])
    else:
        child.GRACE, child.JOBS_PER_CHILD = 1, JOBS
        sys.exit(run(create_app(), []))
