"""What must be true before anything is served: a data directory, a schema."""

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
from app.extensions import db


class CannotRun(Exception):
    """Something stands in the way of serving. The message is one plain sentence for the operator."""


def data_directory(folder: Path) -> None:
    """Make DATA_DIR, open to its owner only. Raises CannotRun."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / "run.lock").touch(mode=0o600)
    except OSError as error:
        raise CannotRun(f"DATA_DIR={folder} cannot be written to ({error.strerror}): choose another one.") from None


def lock(folder: Path) -> int:
    """Hold `folder` for this process until it ends; returns the open file. Raises CannotRun when another holds it."""
    file = os.open(folder / "run.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        where = read_state(folder).get("site", "an address of its own")
        raise CannotRun(
            f"Microblog already runs on {folder}, at {where}: stop that one, or set DATA_DIR to another directory."
        ) from None
    return file


def migrate(app: Flask) -> None:
    """Bring the database to the newest schema; asks one question when it is there already. Raises CannotRun."""
    scripts = ScriptDirectory(str(ROOT / "migrations"))
    with app.app_context():
        try:
            with db.engine.connect() as connection:
                current = MigrationContext.configure(connection).get_current_heads()
        except DBAPIError as error:
            where = db.engine.url.render_as_string(hide_password=True)
            raise CannotRun(f"The database {where} does not answer: {error.orig}".rstrip()) from None
        if set(current) == set(scripts.get_heads()):
            return
        try:
            scripts.get_revisions(current)
        except CommandError:
            raise CannotRun(
                f"The database comes from a newer Microblog ({', '.join(current)}): update this one."
            ) from None
        flask_migrate.upgrade()


def write_state(folder: Path, **state: Any) -> None:
    """Tell the tools of this machine (`make demo`, the browser tests) where the running site is."""
    draft = folder / "run.json.new"
    # os.open: the file must never exist with another mode, and Path.open() takes none.
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:  # noqa: PTH123
        json.dump(state, file)
    draft.replace(folder / "run.json")


def read_state(folder: Path) -> dict[str, Any]:
    """What the supervisor that runs on `folder`, or ran last, wrote down; {} when there was none."""
    try:
        state = json.loads((folder / "run.json").read_text())
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}


def forget_state(folder: Path) -> None:
    """Nothing runs on `folder` any more."""
    (folder / "run.json").unlink(missing_ok=True)
