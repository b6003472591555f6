"""What a web process and a worker load and set before they serve."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.config import ROOT

# Packages that only other processes need: `flask db`, the decoder of images, and nobody.
NOT_NEEDED = {"alembic", "flask_migrate", "mako", "pygments", "PIL", "valkey"}


def answer(question: str, folder: Path) -> str:
    """Return what a new Python process prints for `question`."""
    environment = {"PATH": os.environ["PATH"], "DATA_DIR": str(folder)}
    command = [sys.executable, "-c", f"import gc, sys; {question}"]
    return subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True).stdout


def test_threads_of_a_web_process_take_turns_often(tmp_path):
    """A thread that holds SQLite's write lock waits for the others after each statement."""
    assert float(answer("import microblog; print(sys.getswitchinterval())", tmp_path)) <= 0.001


@pytest.mark.parametrize("program", ["microblog", "worker"])
def test_a_process_starts_without_modules_that_it_does_not_need(tmp_path, program):
    loaded = set(answer(f"import {program}; print(*sys.modules)", tmp_path).split())
    assert loaded & NOT_NEEDED == set()
    assert [name for name in sorted(loaded) if name.startswith(("app.cli", "app.demo", "app.run"))] == []


@pytest.mark.parametrize("program", ["microblog", "worker"])
def test_garbage_collection_passes_over_what_a_process_loads_at_its_start(tmp_path, program):
    counts = answer(f"import {program}; print(gc.isenabled(), gc.get_freeze_count(), len(gc.get_objects()))", tmp_path)
    enabled, frozen, examined = counts.split()
    assert enabled == "True"
    assert int(frozen) > 100 * int(examined)
