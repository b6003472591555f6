"""The real thing as processes: web, workers, Valkey, and a mail server; to be killed at any moment.

    stack = Stack(folder, database.copy())
    stack.start()
    ana = stack.person("ana")               someone who has joined and logged in
    stack.acquaint("ana", "ben")            a stranger's first message is a request, without badge and mail
    ana.post_form("/send_message/ben", {"message": "hi"})
    stack.kill("worker-1")                  SIGKILL for it and all it started
    stack.start_one("worker-1")
    stack.mails.to("ben@example.org")
    stack.shift_clock(-3600)                with Stack(..., clock="now"); tests/support/moved_clock has the story

Every program runs in a process group of its own and is ended by pid.
"""

from __future__ import annotations

import itertools
import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
from sqlalchemy import Engine, and_, create_engine, delete, insert, not_, or_, select

from app.core.time import now
from app.models import Job, User
from app.run.services import GRANIAN
from app.web.request_buffering import BODY_READERS
from tests.factories import PASSWORD, columns_of
from tests.support.databases import PATIENCE
from tests.support.folders import SECRET_KEY, make_data_dir
from tests.support.forms import fill
from tests.support.friends import acquaint
from tests.support.moved_clock import MovedClock
from tests.support.ports import free_port, wait_for
from tests.support.smtp import Mailbox
from tests.support.valkey import Valkey

ROOT = Path(__file__).resolve().parents[2]


class Stack:
    """Web (two processes), two workers, Valkey and a mail server, on one database."""

    def __init__(self, folder: Path, database_url: str, *, clock: str = "", **env: str) -> None:
        """`clock` is "now" or an ISO moment for a wall clock that `set_clock` and `shift_clock` move."""
        self.folder = folder
        self.port = free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.database_url = database_url
        self.valkey = Valkey(folder / "valkey")
        self.mails = Mailbox()
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._ways: dict[str, dict[str, str]] = {}  # how programs run that do not run as usual: start_one's `way`
        self.env = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(folder),
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            "DATA_DIR": str(folder / "var"),
            "SECRET_KEY": SECRET_KEY,
            "PUBLIC_URL": self.base_url,
            "DATABASE_URL": database_url,
            "SQLITE_TIMEOUT": str(PATIENCE),
            "REDIS_URL": self.valkey.url,
            "MAIL_SERVER": "127.0.0.1",
            "MAIL_PORT": str(self.mails.port),
            "MAIL_TIMEOUT": "3",
            "MESSAGE_MAIL_DELAY": "1",
            "POLL_INTERVAL": "1",
            "WEB_THREADS": "64",  # on a machine that is busy with tests no poll is shed
            "RATELIMIT_ENABLED": "0",
            **env,
        }
        self._clock = MovedClock(folder / "clock") if clock else None
        if self._clock is not None:
            moved = self._clock.environment()
            moved["PYTHONPATH"] = os.pathsep.join((moved["PYTHONPATH"], self.env["PYTHONPATH"]))
            self.env.update(moved)
            if clock != "now":
                self._clock.set(clock)
        self._commands = {
            "web": [
                *(sys.executable, "-m", "granian", *GRANIAN, "--host", "127.0.0.1"),
                *("--port", str(self.port), "--workers", "2", "--blocking-threads", str(4 + BODY_READERS)),
                *("--respawn-failed-workers", "--respawn-interval", "0.5", "--log-level", "warning", "microblog:app"),
            ],
            "worker-1": [sys.executable, "worker.py"],
            "worker-2": [sys.executable, "worker.py"],
        }

    def start(self, *names: str) -> None:
        """Start everything, or the named programs beside Valkey and the mail server; wait until the site answers."""
        make_data_dir(self.folder / "var")
        self.valkey.start()
        self.mails.start()
        for name in names or self._commands:
            self.start_one(name, wait=False)
        if not names or "web" in names:
            self.wait_for_web()

    def start_one(self, name: str, *, wait: bool = True, **way: str) -> None:
        """Start "web", "worker-1" or "worker-2"; `way` is settings of its own, or module="name and arguments"."""
        assert not self.is_running(name), f"{name} runs already"
        self._ways[name] = way
        env = {**self.env, **way}
        module = env.pop("module", "").split()
        command = [sys.executable, "-m", *module] if module else self._commands[name]
        with (self.folder / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                command, cwd=ROOT, env=env, stdout=log, stderr=log, start_new_session=True
            )
        if wait and name == "web":
            self.wait_for_web()

    def wait_for_web(self) -> None:
        """Wait until the site answers."""
        wait_for(
            lambda: httpx2.get(f"{self.base_url}/auth/login", timeout=5).status_code == 200,
            seconds=30,
            why=f"the site; its log says: {self.log('web')[-2000:]}",
        )

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal to a program and to all it started, workers' children included; SIGKILL also buries it."""
        for pid in self.pids(name):
            with suppress(ProcessLookupError):  # it ended by itself
                os.kill(pid, number)
        if number in {signal.SIGKILL, signal.SIGTERM}:
            self._running.pop(name).wait(20)

    def pids(self, name: str) -> list[int]:
        """The processes of a program: the one that was started first, then what it started. For os.kill."""
        process = self._running[name]
        return [process.pid, *_descendants(process.pid)]

    def is_running(self, name: str) -> bool:
        """Whether a program that was started still runs."""
        return name in self._running and self._running[name].poll() is None

    def restart(self, name: str, **way: str) -> None:
        """SIGKILL and start again, as usual or in the given way."""
        if name in self._running:
            self.kill(name)
        self.start_one(name, **way)

    def keep_running(self, *names: str) -> None:
        """Start again what has ended by itself, as a supervisor does; call it now and then."""
        for name in names:
            if not self.is_running(name):
                self.start_one(name, wait=False, **self._ways.get(name, {}))

    def mend(self) -> None:
        """Make it whole, whatever a test did to it: everything runs as usual, on the real time."""
        if self._clock is not None:
            self._clock.move(timedelta())
        self.valkey.revive()
        for name in self._commands:
            if self._ways.get(name) or not self.is_running(name):
                self.restart(name)
        self._finish_jobs()
        self.mails.clear()

    def _finish_jobs(self) -> None:
        """Wait for the due jobs of the last test, then delete all jobs that did not succeed at once.

        So the next test counts neither their emails nor their failures. The others stay: they tell the scheduler when
        the periodic jobs ran. A job that is due later is not waited for: that may be hours, after a test that moved the
        clock.
        """
        unfinished = or_(Job.state == "running", and_(Job.state == "queued", Job.run_after <= now()))
        succeeded_at_once = and_(Job.state == "done", Job.attempts == 1, Job.crashes == 0)
        engine = self.engine()

        def finished() -> bool:
            with engine.connect() as connection:
                return connection.scalar(select(Job.id).where(unfinished).limit(1)) is None

        with suppress(AssertionError):
            wait_for(finished, seconds=20, why="the jobs of the last test")
        with engine.begin() as connection:
            connection.execute(delete(Job).where(not_(succeeded_at_once)))
        engine.dispose()

    def stop(self) -> None:
        """End everything."""
        for name in list(self._running):
            self.kill(name)
        self.mails.stop()
        self.valkey.stop()

    def log(self, name: str) -> str:
        """What a program has said."""
        path = self.folder / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    @property
    def clock(self) -> MovedClock:
        """The clock that its processes live by."""
        assert self._clock is not None, "made without clock="
        return self._clock

    def set_clock(self, moment: str) -> None:
        """Make it `moment` (ISO, with its zone) for every process of the stack."""
        self.clock.set(moment)

    def shift_clock(self, seconds: float) -> None:
        """Set the clock forward, or back."""
        self.clock.shift(seconds)

    def now(self) -> datetime:
        """What time it is for the processes of the stack."""
        return self.clock.now()

    def engine(self) -> Engine:
        """A plain engine on the stack's database, for looking into it."""
        patient = {"timeout": PATIENCE} if self.database_url.startswith("sqlite") else {}
        return create_engine(self.database_url, connect_args=patient)

    def person(self, username: str) -> Visitor:
        """Someone who has just joined: logged in through the form, with one email on its way that asks to confirm the
        address. Their row is made directly, as registering takes a worker, which a test may have killed.
        """
        engine = self.engine()
        with engine.begin() as connection:
            connection.execute(insert(User).values(columns_of(username, email_confirmed_at=None)))
        engine.dispose()
        visitor = Visitor(self)
        answer = visitor.submit("/auth/login", {"username": username, "password": PASSWORD})
        assert answer.status_code == 303, answer.text
        assert visitor.post_form("/auth/security/confirmation").status_code == 303
        return visitor

    def acquaint(self, *usernames: str) -> None:
        """Let these people know each other: what they write is no request. Once for each pair of them."""
        engine = self.engine()
        with engine.begin() as connection:
            found = connection.scalars(select(User.id).where(User.username.in_(usernames))).all()
            for pair in itertools.combinations(found, 2):
                acquaint(connection, *pair)
        engine.dispose()

    def run(self, module: str, *arguments: str) -> subprocess.Popen[bytes]:
        """Start `python -m module` in the site's environment: another process of the site."""
        return subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


class Visitor(httpx2.Client):
    """A browser on the stack: it keeps cookies and fills forms."""

    def __init__(self, stack: Stack) -> None:
        super().__init__(base_url=stack.base_url, timeout=30, trust_env=False)
        self._token = ""

    def submit(self, page: str, data: dict[str, Any], action: str | None = None) -> httpx2.Response:
        """Load `page`, fill its form, send it."""
        where, values = fill(self.get(page).text, data, page, action)
        self._token = ""  # logging in makes a new session
        return self.post(where, data=values)

    def post_form(self, path: str, data: dict[str, Any] | None = None, files: Any = None) -> httpx2.Response:
        """POST with the token of this session, read once from a page; `files` as httpx takes them."""
        if not self._token:
            found = re.search(r'name="csrf-token" content="([^"]+)"', self.get("/messages").text)
            assert found, "no token on the page"
            self._token = found.group(1)
        return self.post(path, data={"csrf_token": self._token, **(data or {})}, files=files)

    def confirm_password(self) -> None:
        """Enter the password again, as a page with personal data asks for it some time after the login."""
        answer = self.submit("/auth/confirm_password?next=/", {"current_password": PASSWORD})
        assert answer.status_code == 303, answer.text


def _descendants(pid: int) -> list[int]:
    """The processes a process started, and those they started (Linux: from /proc)."""
    found, waiting = [], [pid]
    while waiting:
        parent = waiting.pop()
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            try:
                children = [int(child) for child in task.read_text().split()]
            except OSError:
                continue
            found += children
            waiting += children
    return found
