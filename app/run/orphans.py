"""Processes that outlive their parent are handed to the supervisor, so none is left behind (Linux).

An RQ job runs in a session of its own: when its worker is killed it goes on alone, out of reach of the worker's process
group. As the "child subreaper" (prctl(2)) the supervisor inherits such orphans and can end them with the rest.
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
    """From now on orphaned descendants become children of this process."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def find(known: Collection[int]) -> list[int]:
    """The children of this process that are not in `known`, dead ones included."""
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    try:
        return [pid for pid in map(int, children.read_text().split()) if pid not in known]
    except OSError:  # not Linux, or a kernel without this file
        return []


def bury(known: Collection[int]) -> None:
    """Collect the exit status of adopted processes that have ended."""
    for pid in find(known):
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)


def end(known: Collection[int]) -> None:
    """Kill every adopted process, and those that come after them."""
    while strays := find(known):
        for pid in strays:
            with contextlib.suppress(ProcessLookupError, ChildProcessError):
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
