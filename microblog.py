"""The WSGI app and its shell context; nothing else."""

from __future__ import annotations

import sys
from typing import Any

import sqlalchemy as sa

from app import create_app, models
from app.config import ConfigurationError
from app.extensions import db

try:
    app = create_app()
except ConfigurationError as error:
    sys.exit(f"The settings cannot be used: {error}.")


@app.shell_context_processor
def shell_context() -> dict[str, Any]:
    """What `flask shell` knows by name."""
    return {"sa": sa, "db": db, **{name: getattr(models, name) for name in models.__all__}}
