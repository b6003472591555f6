"""Alembic environment: uses the app's database URL and models."""

from __future__ import annotations

from alembic import context
from flask import current_app

from app import models  # noqa: F401  (the tables register themselves)
from app.extensions import Base, db

# Full-text indexes are created by migrations/search.py; autogenerate does not know them.
NOT_OURS = ("post_search", "user_search", "message_search")


def include_object(obj: object, name: str | None, kind: str, reflected: bool, compare_to: object) -> bool:
    """Return whether autogenerate compares this object with the models."""
    return not (reflected and compare_to is None and name is not None and name.startswith(NOT_OURS))


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
