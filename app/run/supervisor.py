"""Start the site's processes, monitor them, and stop them in order."""

from __future__ import annotations

import http.client
import os
import signal
import time
from types import FrameType
from urllib.parse import urlsplit

from app.run import orphan_processes
from app.run.child import Child
from app.run.output import Output, say
from app.run.prepare import StartupError, forget_state, write_state
from app.run.services import Services

LOOK_EVERY = 0.2  # seconds between two checks of the children
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Supervisor:
    """Starts, monitors and stops the processes of one site.

    Call `take_signals`, `begin_redis`, `begin` and `serve`, in this order. `serve` returns when a signal requests a
    stop. Call `end` last, also after an error.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._output = Output()
        self._children: list[Child] = []
        self._stop_requests = 0
        self._announced = False

    def take_signals(self) -> None:
        """Install the signal handlers. The first signal requests a graceful stop, the second one an immediate stop."""
        for number in STOP_SIGNALS:
            signal.signal(number, self._on_signal)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._stop_requests += 1

    def begin_redis(self) -> None:
        """Start the embedded Redis, if there is one, without waiting until it is ready."""
        orphan_processes.adopt()
        if self._services.redis:
            self._services.redis.prepare()
            self._start(self._services.redis.child)

    def begin(self) -> None:
        """Wait for the embedded Redis, then start the other processes. Raises StartupError if Redis doesn't start."""
        self._await_redis()
        for child in (self._services.web, *self._services.workers, self._services.mail_sink):
            if child:
                self._start(child)

    def _await_redis(self) -> None:
        redis = self._services.redis
        if redis is None or redis.wait_until_ready():
            return
        redis.child.kill()
        self._output.pump(0)
        say(
            f"The embedded Redis couldn't start. Its data was moved to {redis.set_data_aside()}. Starting without data."
        )
        self._start(redis.child)  # no jobs are lost: the scheduler pushes them again from the database
        if not redis.wait_until_ready():
            raise StartupError(
                f"The embedded Redis doesn't start. See {redis.folder}/server.log, or set REDIS_URL to another one."
            )

    def serve(self) -> None:
        """Monitor the processes, and restart those that exit, until a signal requests a stop."""
        while not self._stop_requests:
            self._output.pump(LOOK_EVERY)
            for child in self._children:
                self._check(child)
            if not self._announced and self._is_serving():
                self._announce()

    def _check(self, child: Child) -> None:
        if child.restart_at is not None:
            if time.monotonic() >= child.restart_at:
                self._start(child)
        elif child.has_ended():
            child.kill()  # kills what is left of its process group
            delay = child.plan_restart()
            say(f"{child.name} {child.how_it_ended()}; starting it again in {delay:g} s.")

    def _start(self, child: Child) -> None:
        orphan_processes.reap(self._known())  # processes that an ended child has left behind
        process = child.start(self._services.environment)
        self._output.add(child.name, process.stdout)
        if child not in self._children:
            self._children.append(child)

    def end(self) -> None:
        """Stop all processes in the order of `Services.stages`. Kill those that don't exit in time."""
        if self._announced:
            say("\nStopping ...")
        for stage in self._services.stages:
            for child in stage:
                child.ask_to_stop()
            asked_at = time.monotonic()
            while any(
                not child.has_ended() and time.monotonic() - asked_at < child.grace and self._stop_requests < 2
                for child in stage
                if child.process
            ):
                self._output.pump(0.05)
            for child in stage:
                child.kill()
        orphan_processes.end(self._known())
        forget_state(self._services.settings.data_dir)

    def _known(self) -> set[int]:
        return {child.process.pid for child in self._children if child.process}

    def _is_serving(self) -> bool:
        """Return whether the app, and the mail page if there is one, answer requests."""
        services = self._services
        page = urlsplit(services.mail_page)
        return _answers(services.probe_host, services.settings.port, "/notifications") and (
            not page.hostname or _answers(page.hostname, page.port, "/")
        )

    def _announce(self) -> None:
        services = self._services
        self._announced = True
        lines = [("Microblog", services.address)]
        if services.mail_page:
            lines.append(("Mail", f"{services.mail_page}  (captured, not delivered)"))
        lines += [("Data", str(services.settings.data_dir)), ("Stop", "Ctrl-C")]
        say("\n" + "\n".join(f"  {label:<10} {value}" for label, value in lines) + "\n")
        write_state(
            services.settings.data_dir,
            pid=os.getpid(),
            site=services.address,
            mail=services.mail_page,
            redis_url=services.redis_url,
        )


def _answers(host: str, port: int | None, path: str) -> bool:
    """Return whether a server answers a request without an error of its own.

    Opening a connection is not enough, because granian accepts connections before it has loaded the app.
    """
    connection = http.client.HTTPConnection(host, port, timeout=1)
    try:
        connection.request("GET", path)
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
