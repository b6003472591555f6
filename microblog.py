"""The WSGI app. `commands.py` adds the commands of `flask` to it, which web processes don't need."""

from __future__ import annotations

import sys

from startup import without_garbage_collection

# Seconds after which a thread that computes lets another thread run, instead of Python's 0.005. After each statement, a
# write transaction waits for its turn to run, while it holds SQLite's write lock (docs/decisions/0020).
SWITCH_INTERVAL = 0.0005

sys.setswitchinterval(SWITCH_INTERVAL)
with without_garbage_collection():
    from app import create_app

    app = create_app()
