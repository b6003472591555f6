"""One supervised process: started in its own process group, restarted with backoff, stopped gracefully."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence

from app.config import ROOT
from app.lib.process_guard import end_with

FIRST_DELAY = 0.5  # seconds before the first restart; the delay doubles each time
MAX_DELAY = 30.0
STEADY_AFTER = 30.0  # seconds of running after which earlier failures no longer count


class Child:
    """A supervised command, and its current process."""

    def __init__(self, name: str, command: Sequence[str], *, grace: float = 10.0) -> None:
        self.name = name
        self.command = list(command)
        self.grace = grace  # seconds for a graceful stop before the process is killed
        self.process: subprocess.Popen[bytes] | None = None
        self.restart_at: float | None = None
        self._started_at = 0.0
        self._deaths = 0

    def start(self, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
        """Start the command with its output in a pipe. Raises OSError if it can't be run."""
        supervisor = os.getpid()
        self.restart_at = None
        self._started_at = time.monotonic()
        self.process = subprocess.Popen(
            self.command,
            cwd=ROOT,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            process_group=0,  # Ctrl-C reaches only the supervisor, which stops the children in order
            preexec_fn=lambda: end_with(supervisor),  # noqa: PLW1509  (the supervisor has no threads)
        )
        return self.process

    def has_ended(self) -> bool:
        """Return whether a started process has ended."""
        return self.process is not None and self.process.poll() is not None

    def plan_restart(self) -> float:
        """Count the failure and set `restart_at`. Return the delay in seconds."""
        if time.monotonic() - self._started_at >= STEADY_AFTER:
            self._deaths = 0
        delay = min(FIRST_DELAY * 2.0 ** min(self._deaths, 10), MAX_DELAY)
        self._deaths += 1
        self.restart_at = time.monotonic() + delay
        return delay

    def how_it_ended(self) -> str:
        """Describe the end of the process: "ended with status 1", "was killed by SIGKILL"."""
        status = self.process.returncode if self.process else None
        if status is not None and status < 0:
            return f"was killed by {signal.Signals(-status).name}"
        return f"ended with status {status}"

    def ask_to_stop(self) -> None:
        """Send SIGTERM, so that the process finishes its current work and ends."""
        if self.process and self.process.poll() is None:
            self.process.terminate()

    def kill(self) -> None:
        """Kill the whole process group."""
        if self.process:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
