"""A whole site under the real supervisor, in processes of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from app.config import ROOT
from app.run import prepare
from tests.support import databases
from tests.support.ports import free_port, wait_for

PATIENCE = 60.0  # seconds; a busy machine must not fail a test
OWN_SETTINGS = ("REDIS_URL", "MAIL_SERVER", "DATABASE_URL", "PUBLIC_URL", "HOST", "MICROBLOG_ENV")


class RunningSite:
    """`python -m app.run` on `data_dir`, where everything it does not own is embedded; "dev" restarts what changes."""

    def __init__(self, data_dir: Path, *arguments: str, **settings: str) -> None:
        self.data_dir = data_dir
        self._arguments = arguments
        self.port = free_port()
        self.log = data_dir.with_name(f"{data_dir.name}.log")
        defaults = dict.fromkeys(OWN_SETTINGS, "") | {"MICROBLOG_ENV": "development", "HOST": "127.0.0.1"}
        defaults["SQLITE_TIMEOUT"] = str(databases.PATIENCE)
        self._settings = defaults | {"PORT": str(self.port), "DATA_DIR": str(data_dir)} | settings
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> RunningSite:
        """Start it, and wait until it says that it serves."""
        self.launch()
        wait_for(lambda: self.state or self.has_ended(), seconds=PATIENCE, why="the site to serve")
        assert self.state, self.said
        return self

    def launch(self) -> None:
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "app.run", *self._arguments]
            environment = {**os.environ, **self._settings}
            self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)

    @property
    def state(self) -> dict[str, Any]:
        return prepare.read_state(self.data_dir)

    @property
    def said(self) -> str:
        return self.log.read_text()

    def has_ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def processes(self) -> dict[int, str]:
        """Pid and command line of every living process below the supervisor."""
        assert self.process
        return dict(_below(self.process.pid))

    def pid_of(self, words: str) -> int:
        """The first process whose command line holds `words`."""
        return min(pid for pid, command in self.processes().items() if words in command)

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        assert self.process
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)


def _below(pid: int) -> list[tuple[int, str]]:
    found = []
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    for child in map(int, children):
        command = command_of(child)
        if command:  # a dead one that nobody has buried yet has none
            found.append((child, command))
        found.extend(_below(child))
    return found


def command_of(pid: int) -> str:
    """The command line of a living process; "" when it is dead or gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
    except OSError:
        return ""
