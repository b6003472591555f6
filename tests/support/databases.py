"""The database under test: SQLite or PostgreSQL, migrated once by Alembic and then copied."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable
from pathlib import Path

import flask_migrate
from flask import Flask

from app import create_app
from app.config import Settings
from app.core.migrations import migrate
from app.extensions import db
from tests.support.postgres import Postgres

PATIENCE = 30  # seconds a writer waits for SQLite's lock: a busy machine must not fail a test


class Database:
    """`url` is the one the test process uses; `copy()` makes another one, migrated and empty."""

    def __init__(self, kind: str, url: str, copy: Callable[[], str], stop: Callable[[], None]) -> None:
        self.kind = kind
        self.url = url
        self.copy = copy
        self.stop = stop


def make_database(kind: str, folder: Path) -> Database:
    """Migrate a template and copy it. `kind` is "sqlite" or "postgresql"."""
    numbers = itertools.count(1)
    if kind == "sqlite":
        template = folder / "template.db"
        _migrate(f"sqlite:///{template}", folder)

        def copy_file() -> str:
            target = folder / f"{next(numbers)}.db"
            shutil.copy(template, target)
            return f"sqlite:///{target}"

        return Database(kind, copy_file(), copy_file, lambda: None)
    server = Postgres()
    server.start()
    _migrate(server.create("template_microblog"), folder)

    def copy_database() -> str:
        return server.create(f"microblog_{next(numbers)}", "template_microblog")

    return Database(kind, copy_database(), copy_database, server.stop)


def _migrate(url: str, folder: Path) -> None:
    app: Flask = create_app(Settings(microblog_env="test", data_dir=folder, secret_key="x" * 40, database_url=url))
    migrate.init_app(app)
    with app.app_context():
        flask_migrate.upgrade()
        db.session.remove()
        db.engine.dispose()
