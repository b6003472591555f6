"""The app with the commands of `flask`, such as `flask db`, and the names available in `flask shell`.

.flaskenv names this module.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from app import cli, models
from app.extensions import db
from microblog import app

cli.init_app(app)


@app.shell_context_processor
def shell_context() -> dict[str, Any]:
    """Return the names available in `flask shell`."""
    return {"sa": sa, "db": db, **{name: getattr(models, name) for name in models.__all__}}
