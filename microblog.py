"""The WSGI app, and for `flask`: its commands, and the names available in `flask shell`."""

from __future__ import annotations

import gc
import os
import sys
from typing import Any

# Seconds after which a thread that computes lets another thread run, instead of Python's 0.005. After each statement, a
# write transaction waits for its turn to run, while it holds SQLite's write lock (docs/decisions/0020).
SWITCH_INTERVAL = 0.0005

sys.setswitchinterval(SWITCH_INTERVAL)
gc.disable()
try:
    import sqlalchemy as sa

    from app import create_app, models
    from app.extensions import db

    app = create_app()
    if "FLASK_RUN_FROM_CLI" in os.environ:  # set by `flask`; web processes don't load the commands
        from app import cli

        cli.init_app(app)
finally:
    # The process needs the objects created so far until it ends. If the garbage collector examined them, the start
    # would take a fifth longer, and requests would pause.
    gc.freeze()
    gc.enable()


@app.shell_context_processor
def shell_context() -> dict[str, Any]:
    """Return the names available in `flask shell`."""
    return {"sa": sa, "db": db, **{name: getattr(models, name) for name in models.__all__}}
