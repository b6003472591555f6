"""The worker: `python worker.py [QUEUE ...]` runs jobs from the queues in that order; all three by default.

The parent process schedules. Its child takes jobs from RQ, and runs short ones itself and each long one in a fork. If
the parent dies, the child finishes its job and exits. If the child dies, the parent starts another one. The supervisor
of `make run`, systemd or a container restarts the parent, and the rows in the database say which jobs remain.
"""

from __future__ import annotations

import sys

from app import create_app
from app.jobs.worker import run

if __name__ == "__main__":
    sys.exit(run(create_app(), sys.argv[1:]))
