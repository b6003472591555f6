"""Adopt processes whose parent has exited, so that the supervisor can kill them (Linux only).

If a worker is killed, a fork of it that runs a job continues. Killing the worker's process group does not end the fork
either, because the fork has its own session. As a "child subreaper" (prctl(2)), the supervisor becomes the parent of
such orphans.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Collection
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36


def adopt() -> None:
    """Make this process the parent of descendants that become orphans from now on."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def find(known: Collection[int]) -> list[int]:
    """Return the ids of the adopted processes: the children of this process that are not in `known`.

    Zombies (processes that have exited but were not reaped) are included.
    """
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    try:
        return [pid for pid in map(int, children.read_text().split()) if pid not in known]
    except OSError:  # not Linux, or a kernel without this file
        return []


def reap(known: Collection[int]) -> None:
    """Reap adopted processes that have exited, so that they don't remain as zombies.

    `known` are the ids of the processes that the supervisor started itself. These processes are left alone.
    """
    for pid in find(known):
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)


def end(known: Collection[int]) -> None:
    """Kill all adopted processes, and repeat this until there are none left.

    `known` are the ids of the processes that the supervisor started itself.
    """
    while strays := find(known):
        for pid in strays:
            with contextlib.suppress(ProcessLookupError, ChildProcessError):
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
