"""Start servers for the benchmarks: Valkey, PostgreSQL, the whole site, or only granian as `make run` starts it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import redis

from app.config import ROOT
from app.run.embedded import server_program
from app.run.ports import free_port
from app.run.services import GRANIAN
from app.web.request_buffering import BODY_READERS
from bench import proc
from tests.run.site import RunningSite
from tests.support.postgres import Postgres

SECRET = "a secret for one run of the benches, nothing else"


@contextmanager
def process(command: list[str], env: Mapping[str, str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process during the `with` block, then terminate it."""
    own = {**os.environ, **(env or {})}
    with subprocess.Popen(command, cwd=ROOT, env=own, stdout=subprocess.DEVNULL) as running:
        try:
            yield running
        finally:
            running.terminate()
            running.wait(timeout=20)


@contextmanager
def valkey(folder: Path) -> Iterator[str]:
    """Start a Valkey or Redis server, and yield its URL."""
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    options = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
    with process([server_program(), *options, "--loglevel", "warning"]):
        url = f"redis://127.0.0.1:{port}/0"
        client = redis.Redis.from_url(url)
        _wait(client.ping)
        yield url


@contextmanager
def web(target: str, env: Mapping[str, str]) -> Iterator[int]:
    """Serve the WSGI app `target` with granian, and yield the port.

    There is one worker process, with the options and the number of threads of `make run`.
    """
    port = free_port()
    options = [*GRANIAN, "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    options += ["--blocking-threads", str(4 + BODY_READERS), "--no-access-log", "--log-level", "error"]
    with process([sys.executable, "-m", "granian", *options, target], {**env, "SECRET_KEY": SECRET}):
        _wait(lambda: socket.create_connection(("127.0.0.1", port)).close())
        yield port


class Site:
    """A running site: its port, and the ids of its current processes by role."""

    def __init__(self, running: RunningSite) -> None:
        self._running = running
        self.port = running.port

    @property
    def web(self) -> list[int]:
        """The web processes, without their supervisor."""
        found = proc.children(self._running.pid_of("-m granian"))
        return [pid for pid in found if "resource_tracker" not in proc.command(pid)]

    @property
    def workers(self) -> list[int]:
        """The worker processes: parents, their children, and the forks that run long jobs."""
        return self._with("worker.py")

    @property
    def redis(self) -> list[int]:
        """The embedded Redis server."""
        return self._with("-server 127.0.0.1:")

    def _with(self, words: str) -> list[int]:
        return [pid for pid, command in self._running.processes().items() if words in command]


@contextmanager
def whole_site(folder: Path, database_url: str) -> Iterator[Site]:
    """Start all processes of `make run` with the data in `folder`."""
    running = RunningSite(folder, DATABASE_URL=database_url, SECRET_KEY=SECRET, SQLITE_TIMEOUT="5").start()
    try:
        yield Site(running)
    finally:
        running.stop()


@contextmanager
def postgresql() -> Iterator[str]:
    """Start the PostgreSQL server that the tests use, and yield the URL of an empty database."""
    server = Postgres()
    server.start()
    try:
        yield server.create("bench")
    finally:
        server.stop()


def _wait(ready: Callable[[], object], seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while True:
        try:
            ready()
        except (OSError, redis.RedisError):
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
        else:
            return
