"""Stop child processes when their parent dies."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # Linux: prctl(2)


def end_with(parent: int) -> None:
    """Stop this process when its parent dies, even if the parent is killed.

    Call this in the child, immediately after the fork. `parent` is the parent's pid. On Linux, the kernel will send
    SIGTERM to this process when the parent dies. If the parent has already died, this process exits at once.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os._exit(1)
