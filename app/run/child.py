"""A process that the supervisor starts in its own process group, restarts with backoff, and stops gracefully."""

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
MAX_DELAY = 30.0  # seconds
STEADY_AFTER = 30.0  # seconds that a process must run before its earlier failures are forgotten


class Child:
    """A command that the supervisor runs, and its current process."""

    def __init__(self, name: str, command: Sequence[str], *, grace: float = 10.0) -> None:
        self.name = name
        self.command = list(command)
        self.grace = grace  # seconds for a graceful stop before the process is killed
        self.process: subprocess.Popen[bytes] | None = None
        self.restart_at: float | None = None  # by time.monotonic(); None if no restart is planned
        self._started_at = 0.0
        self._deaths = 0

    def start(self, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
        """Start the command, and connect its output to a pipe. Raises OSError if it can't be run."""
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
        """Return whether the process was started and has exited."""
        return self.process is not None and self.process.poll() is not None

    def plan_restart(self) -> float:
        """Count a failure, and set `restart_at` to the time of the next start. Return the delay in seconds.

        The delay doubles after each failure, up to MAX_DELAY, and is reset after the process has run for STEADY_AFTER
        seconds.
        """
        if time.monotonic() - self._started_at >= STEADY_AFTER:
            self._deaths = 0
        delay = min(FIRST_DELAY * 2.0 ** min(self._deaths, 10), MAX_DELAY)
        self._deaths += 1
        self.restart_at = time.monotonic() + delay
        return delay

    def how_it_ended(self) -> str:
        """Describe how the process exited, such as "ended with status 1" or "was killed by SIGKILL"."""
        status = self.process.returncode if self.process else None
        if status is not None and status < 0:
            return f"was killed by {signal.Signals(-status).name}"
        return f"ended with status {status}"

    def ask_to_stop(self) -> None:
        """Send SIGTERM, so that the process finishes its work and exits."""
        if self.process and self.process.poll() is None:
            self.process.terminate()

    def kill(self) -> None:
        """Kill the process and all processes in its process group."""
        if self.process:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
