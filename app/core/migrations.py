"""Database migrations with Flask-Migrate: `flask db`, and `make run`, which migrates before it serves.

The other extensions are in app/extensions.py. This one is loaded only by a process that may migrate the database,
because Alembic would slow the start of each web process and worker.
"""

from __future__ import annotations

from flask_migrate import Migrate

from app.config import ROOT
from app.extensions import db

migrate = Migrate(db=db, directory=str(ROOT / "migrations"), render_as_batch=True, compare_type=True)
