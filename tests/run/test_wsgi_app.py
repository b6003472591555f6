"""What a web process sets before it serves."""

from __future__ import annotations

import os
import subprocess
import sys

from app.config import ROOT


def test_threads_of_a_web_process_take_turns_often(tmp_path):
    """A thread that holds SQLite's write lock waits for the others after each statement."""
    ask = "import sys, microblog; print(sys.getswitchinterval())"
    environment = {"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path)}
    ran = subprocess.run([sys.executable, "-c", ask], cwd=ROOT, env=environment, check=True, capture_output=True)
    assert float(ran.stdout) <= 0.001
