"""The worker. `python worker.py [QUEUE ...]` runs the jobs of these queues, or of all queues if none is given.

If several queues are given, jobs of the first one have priority. The parent process runs the scheduler. Its child
process takes jobs from RQ, and runs each long job in a fork. If the child dies, the parent starts another one.

If the parent dies, the child finishes its job and exits. The supervisor of `make run`, systemd or the container
platform then starts the worker again. No job is lost, because all jobs are stored in the database.
"""

from __future__ import annotations

import gc
import sys

gc.disable()
try:
    from app import create_app
    from app.jobs.worker import run

    app = create_app()
finally:
    gc.freeze()  # as in microblog.py; it also keeps the memory shared with the forks that run long jobs
    gc.enable()

if __name__ == "__main__":
    sys.exit(run(app, sys.argv[1:]))
