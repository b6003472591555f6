"""Prepare the data directory, lock it, and migrate the database, before the site is served."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import Any

import flask_migrate
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from flask import Flask
from sqlalchemy.exc import DBAPIError

from app.config import ROOT
from app.core import migrations
from app.extensions import db


class StartupError(Exception):
    """The site can't be served. The message tells the operator why, and what to do."""


def data_directory(folder: Path) -> None:
    """Create the data directory, accessible only by its owner. Raises StartupError if it isn't writable."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / "run.lock").touch(mode=0o600)
    except OSError as error:
        raise StartupError(f"DATA_DIR={folder} isn't writable ({error.strerror}). Choose another directory.") from None


def lock(folder: Path) -> int:
    """Lock the data directory, so that only one site uses it. Return the file descriptor that holds the lock.

    The lock ends when the descriptor is closed or this process exits. Raises StartupError if another process holds the
    lock.
    """
    file = os.open(folder / "run.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        where = read_state(folder).get("site", "an address of its own")
        raise StartupError(
            f"Microblog already uses {folder}, at {where}. Stop it, or set DATA_DIR to another directory."
        ) from None
    return file


def migrate(app: Flask) -> None:
    """Migrate the database to the newest schema. If no migration is needed, this takes one query.

    Raises StartupError if the database doesn't respond, or if a newer version of Microblog has migrated it.
    """
    scripts = ScriptDirectory(str(ROOT / "migrations"))
    migrations.migrate.init_app(app)
    with app.app_context():
        try:
            with db.engine.connect() as connection:
                current = MigrationContext.configure(connection).get_current_heads()
        except DBAPIError as error:
            where = db.engine.url.render_as_string(hide_password=True)
            raise StartupError(f"The database {where} doesn't respond: {error.orig}".rstrip()) from None
        if set(current) == set(scripts.get_heads()):
            return
        try:
            scripts.get_revisions(current)
        except CommandError:
            raise StartupError(
                f"A newer version of Microblog has migrated this database ({', '.join(current)}). Update Microblog."
            ) from None
        flask_migrate.upgrade()


def write_state(folder: Path, **state: Any) -> None:
    """Write facts about the running site, such as its URL, to run.json. `make demo` and browser tests read them."""
    draft = folder / "run.json.new"
    # os.open creates the file with the right mode. Path.open() can't do that.
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:  # noqa: PTH123
        json.dump(state, file)
    draft.replace(folder / "run.json")


def read_state(folder: Path) -> dict[str, Any]:
    """Return the content of run.json; {} if there is none.

    If the site was killed, run.json still exists, although the site is no longer running.
    """
    try:
        state = json.loads((folder / "run.json").read_text())
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}


def forget_state(folder: Path) -> None:
    """Delete run.json, because the site is stopping."""
    (folder / "run.json").unlink(missing_ok=True)
