"""The worker: `python worker.py [QUEUE ...]` runs jobs from the queues, in that order; all three by default.

One process sweeps and schedules, and a child of it takes jobs from RQ, each in a child of its own. If the sweeper
dies the RQ worker finishes its job and ends; if the RQ worker dies the sweeper ends. Whoever started us starts us again
(the supervisor of `make run`, systemd, a container), and the rows in the database say what was left to do.
"""

from __future__ import annotations

import sys

from app import create_app
from app.jobs.worker import run

if __name__ == "__main__":
    sys.exit(run(create_app(), sys.argv[1:]))
