"""The Alembic environment. It uses the app's database URL and models."""

from __future__ import annotations

from alembic import context
from flask import current_app

from app import models  # noqa: F401  (importing the models registers the tables)
from app.extensions import Base, db

# Names of full-text indexes begin with these. migrations/search.py creates them; the models do not define them.
NOT_OURS = ("post_search", "user_search", "message_search")
# Columns that only the previous version of the code uses. A migration of the next release drops them.
RETIRED_COLUMNS = ("writable_by",)


def include_object(obj: object, name: str | None, kind: str, reflected: bool, compare_to: object) -> bool:
    """Return whether Alembic's autogenerate should compare this database object with the models.

    Full-text indexes and retired columns are ignored, because the models don't define them.
    """
    if not reflected or compare_to is not None or name is None:
        return True
    return not name.startswith(NOT_OURS) and name not in RETIRED_COLUMNS


def run() -> None:
    """Run the migrations on the app's database, all in one transaction if the engine supports it."""
    with db.engine.connect() as connection:
        configure_args = current_app.extensions["migrate"].configure_args
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            include_object=include_object,
            **configure_args,
        )
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()


run()
