"""The worker: `python worker.py [QUEUE ...]` runs jobs from the queues, in that order; all three by default.

One process schedules. A child of it takes jobs from RQ, and runs the short ones itself and each long one in
a fork. If the parent dies, the child finishes its job and ends. If the child dies, the parent starts another one. The
supervisor of `make run`, systemd or a container starts the parent again, and the rows in the database say what was left
to do.
"""

from __future__ import annotations

import sys

from app import create_app
from app.jobs.worker import run

if __name__ == "__main__":
    sys.exit(run(create_app(), sys.argv[1:]))
