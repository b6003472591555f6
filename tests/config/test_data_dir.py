"""DATA_DIR holds hashes, private messages and exports: no other user of the machine may read them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from app.config import ROOT

# What an installation does before anything serves, and what members add to it.
FIRST_STEPS = """
import flask_migrate
from app import create_app
from app.exports import exports

app = create_app()
with app.app_context():
    flask_migrate.upgrade()
    exports().save(b"[]", "json")
"""


def test_files_are_the_owners_alone_in_a_directory_that_is_open_to_others(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    environment = {"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path)}
    subprocess.run(
        [sys.executable, "-c", FIRST_STEPS], cwd=ROOT, env=environment, check=True, capture_output=True, umask=0o022
    )
    secret = [path for path in tmp_path.rglob("*") if path.is_file() and path.parent.name != "assets"]
    assert {"microblog.db", "secret_key"} < {path.name for path in secret}
    assert [path for path in secret if path.stat().st_mode & 0o077] == []
