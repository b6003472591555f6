"""Where the tests keep their files."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from app.config import ROOT

ENOUGH = 2 * 2**30  # bytes
TEMPLATES = ROOT / ".pytest_cache" / "templates"
SECRET_KEY = "a secret that is long enough for anything"  # the same for all sites, because it signs the templates


def memory_folder() -> str | None:
    """Return a folder in memory where there is one with room: waiting for a disk is most of what a commit costs."""
    memory = Path("/dev/shm")
    return str(memory) if os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > ENOUGH else None


def make_data_dir(folder: Path) -> Path:
    """Make a DATA_DIR whose compiled templates are those of all tests: compiling them takes a second for each site."""
    folder.mkdir(parents=True, exist_ok=True)
    TEMPLATES.mkdir(parents=True, exist_ok=True)
    if not (folder / "templates").exists():
        (folder / "templates").symlink_to(TEMPLATES)
    return folder
