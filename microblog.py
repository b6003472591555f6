"""The WSGI app, and the names available in `flask shell`."""

from __future__ import annotations

import sys
from typing import Any

import sqlalchemy as sa

from app import create_app, models
from app.extensions import db

# Seconds after which a thread that computes lets another thread run, instead of Python's 0.005. After each statement, a
# write transaction waits for its turn to run, while it holds SQLite's write lock (docs/decisions/0020).
SWITCH_INTERVAL = 0.0005

sys.setswitchinterval(SWITCH_INTERVAL)
app = create_app()


@app.shell_context_processor
def shell_context() -> dict[str, Any]:
    """Return the names available in `flask shell`."""
    return {"sa": sa, "db": db, **{name: getattr(models, name) for name in models.__all__}}
