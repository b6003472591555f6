"""Where the tests keep their files."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

ENOUGH = 2 * 2**30  # bytes


def memory_folder() -> str | None:
    """Return a folder in memory where there is one with room: waiting for a disk is most of what a commit costs."""
    memory = Path("/dev/shm")
    return str(memory) if os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > ENOUGH else None
