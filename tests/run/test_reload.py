"""`make dev`: what is edited is restarted, and the SQL statements of pages are logged."""

from __future__ import annotations

import re
from pathlib import Path

import httpx2
import pytest

from app.config import ROOT
from tests.run.site import PATIENCE, RunningSite
from tests.support.ports import wait_for

pytestmark = pytest.mark.slow


def test_edited_code_restarts_all_processes(tmp_path: Path) -> None:
    site = RunningSite(tmp_path / "var", "dev").start()
    try:
        before = _serving(site)
        assert httpx2.get(f"{site.state['site']}/healthz", timeout=PATIENCE, trust_env=False).status_code == 200
        wait_for(lambda: "SELECT" in site.said, seconds=PATIENCE, why="the SQL statements of the page")
        (ROOT / "worker.py").touch()
        wait_for(lambda: len(_serving(site) - before) >= 4, seconds=PATIENCE, why="new web processes and workers")
        wait_for(lambda: not before & _serving(site), seconds=PATIENCE, why="the end of the old ones")
    finally:
        site.stop()
    assert not site.processes()


def _serving(site: RunningSite) -> set[int]:
    """The processes that hold the app: web processes and workers, without what watches them."""
    watches = site.pid_of("granian")  # the parent of the web processes
    holds = re.compile(r"\S+ (-m granian|worker\.py) ")
    return {pid for pid, command in site.processes().items() if pid != watches and holds.match(command)}
