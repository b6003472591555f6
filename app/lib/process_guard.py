"""End child processes when their parent dies."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # Linux: prctl(2)


def end_with(parent: int) -> None:
    """Make the kernel send this process SIGTERM when its parent dies, even by SIGKILL (Linux).

    `parent` is the parent's pid. Call this in the child, immediately after the fork. If the parent has already died,
    this process exits.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os._exit(1)
