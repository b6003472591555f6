"""A worker that is there again at once: `python -m tests.support.ready_worker` for a test that kills it many times.

The code is loaded once; each time the worker ends, however it ended, a fork runs it anew, as a supervisor would. So its
processes are this one, which a test leaves alone, then those of worker.py: the scheduler, RQ's worker, and its child.
"""

from __future__ import annotations

import os
import sys
import time

from app import create_app
from app.jobs.worker import run
from app.lib.process_guard import end_with


def main() -> None:
    """Run one after the other."""
    supervisor = os.getpid()
    while True:
        child = os.fork()
        if child == 0:
            end_with(supervisor)
            sys.exit(run(create_app(), []))
        os.waitpid(child, 0)
        time.sleep(0.05)


if __name__ == "__main__":
    main()
