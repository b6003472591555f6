"""Processes that must not outlive the one that started them."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # Linux: prctl(2)


def end_with(parent: int) -> None:
    """Be sent SIGTERM by the kernel when `parent`, whose pid that is, dies, even by SIGKILL (Linux).

    Call it in the child, first thing after the fork: a parent that has died by then is noticed, and this process ends.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os._exit(1)
