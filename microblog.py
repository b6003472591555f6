"""The WSGI app, and the names available in `flask shell`."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from app import create_app, models
from app.extensions import db

app = create_app()


@app.shell_context_processor
def shell_context() -> dict[str, Any]:
    """Return the names available in `flask shell`."""
    return {"sa": sa, "db": db, **{name: getattr(models, name) for name in models.__all__}}
