"""DATA_DIR and the database hold hashes, private messages and exports: no other user of the machine may read them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

import app.core.database  # noqa: F401  (listens to every engine)
from app.config import ROOT

# What an installation does before anything serves, and what members add to it. The journals exist while it runs.
FIRST_STEPS = """
import flask_migrate
from sqlalchemy import text
from app import create_app
from app.core.exports import exports
from app.core.migrations import migrate
from app.extensions import db

app = create_app()
migrate.init_app(app)
with app.app_context():
    flask_migrate.upgrade()
    exports().save(b"[]", "json")
    db.session.execute(text("DELETE FROM job"))
    for path in sorted(app.config["DATA_DIR"].rglob("*")):
        if path.is_file() and path.parent.name != "assets":
            print(f"{path.name} {path.stat().st_mode & 0o777:o}")
"""


@pytest.mark.slow
@pytest.mark.parametrize("url", ["", "sqlite:///{}/microblog.db"])
def test_data_files_are_private_in_a_world_readable_directory(tmp_path: Path, url: str) -> None:
    tmp_path.chmod(0o755)
    environment = {"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path), "DATABASE_URL": url.format(tmp_path)}
    ran = subprocess.run(
        [sys.executable, "-c", FIRST_STEPS], cwd=ROOT, env=environment, check=True, capture_output=True, umask=0o022
    )
    modes = dict(line.split() for line in ran.stdout.decode().splitlines())
    assert {"microblog.db", "microblog.db-wal", "microblog.db-shm", "secret_key"} < set(modes)
    assert {name: mode for name, mode in modes.items() if mode != "600"} == {}


@pytest.mark.parametrize("existing_mode", [None, 0o640])
@pytest.mark.parametrize("url", ["sqlite:///{}", "sqlite+pysqlite:///{}", "sqlite:///file:{}?uri=true"])
def test_file_mode_is_set_for_new_files_only(tmp_path: Path, url: str, existing_mode: int | None) -> None:
    path = tmp_path / "a b.db"
    if existing_mode is not None:
        path.touch()
        path.chmod(existing_mode)
    engine = create_engine(url.format(path))
    with engine.connect() as connection:
        connection.execute(text("CREATE TABLE t (x INTEGER)"))
        modes = {file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}
    engine.dispose()
    assert modes == {existing_mode or 0o600}
