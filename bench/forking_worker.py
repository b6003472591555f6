"""The baseline for bench/mailing.py: a worker that forks for each job, as RQ does."""

from __future__ import annotations

import sys

from app import create_app
from app.jobs import child
from app.jobs.worker import run

if __name__ == "__main__":
    child.IN_PROCESS = frozenset()
    sys.exit(run(create_app(), sys.argv[1:]))
