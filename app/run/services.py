"""The processes of the site: their commands, their environment, and the order in which they are stopped."""

from __future__ import annotations

import os
import resource
import shlex
import sys
from dataclasses import dataclass, field

from dotenv import dotenv_values

from app.config import ROOT, Settings
from app.run import ports
from app.run.child import Child
from app.run.embedded import EmbeddedRedis
from app.web.request_buffering import BODY_READERS

WEB_GRACE, WORKER_GRACE = 10.0, 20.0  # seconds
CONNECTIONS = 10_000  # maximum of open connections of a web process; each polling browser has one, of about 17 kB
OWN_FILES = 200  # maximum of other open files of a web process: libraries, database, Redis

# granian's HTTP options, the same as in the Procfile (decision 5). HTTP/2 is turned off: proxies use HTTP/1 to reach an
# app server, and one stalled HTTP/2 request can't be ended without ending all requests on its connection. Request
# headers may have up to 16 kB. They must arrive within 30 seconds. Idle connections are closed after the same time, so
# this time must be longer than POLL_INTERVAL.
GRANIAN = (
    *("--interface", "wsgi", "--no-ws", "--http", "1"),
    *("--http1-buffer-size", "16384", "--http1-header-read-timeout", "30000"),
)
# The files that `make dev` watches. They include templates and style sheets, which the app reads only at startup.
WATCHED = ("app", "translations", "microblog.py", "worker.py")
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass
class Services:
    """The site's processes and their environment."""

    settings: Settings
    reload: bool = False  # restart web processes and workers when files change, and log the SQL of web processes
    environment: dict[str, str] = field(default_factory=lambda: dict(os.environ))
    redis: EmbeddedRedis | None = None
    mail_page: str = ""  # the URL of the mail sink's page; "" if email is sent to MAIL_SERVER

    def __post_init__(self) -> None:
        """Choose the services to run. Raises PortUnavailable if the site's port can't be used."""
        ports.check(self.settings.host, self.settings.port)
        self.environment |= {
            "DATA_DIR": str(self.settings.data_dir),
            "PORT": str(self.settings.port),
            "PYTHONUNBUFFERED": "1",
        }
        if self.settings.host in LOOPBACK and not self.settings.public_url:
            # With PUBLIC_URL, the site rejects other host names. This prevents DNS rebinding.
            self.environment["PUBLIC_URL"] = self.address
        if not is_set("REDIS_URL"):
            self.redis = EmbeddedRedis(self.settings.data_dir / "redis")
        self.redis_url = self.environment["REDIS_URL"] = self.redis.url if self.redis else self.settings.redis_url
        self.web = Child("web", self._web(), grace=WEB_GRACE)
        self.workers = [
            Child("worker", self._worker("mail", "default"), grace=WORKER_GRACE),
            Child("worker2", self._worker("slow", "default", "mail"), grace=WORKER_GRACE),
        ]
        self.mail_sink = None if self.settings.mail_server else self._mail_sink()

    def _web(self) -> list[str]:
        options = {
            "--host": self.settings.host,
            "--port": self.settings.port,
            "--workers": max(self.settings.web_concurrency, 1),
            "--blocking-threads": self.settings.web_threads + BODY_READERS,
            "--backpressure": open_connections(),
            "--respawn-interval": 0.5,
            "--workers-kill-timeout": int(WEB_GRACE) - 2,
            "--log-level": "warning",
        }
        words = [str(word) for option in options.items() for word in option]
        command = [sys.executable, "-m", "granian", *words, *GRANIAN]
        if not self.reload:
            return [*command, "--respawn-failed-workers", "microblog:app"]
        watched = [word for path in WATCHED for word in ("--reload-paths", str(ROOT / path))]
        reload = ["--reload", *watched, "--reload-ignore-worker-failure"]
        return ["env", "SQL_LOG=1", *command, *reload, "microblog:app"]  # not for workers, which run SQL every second

    def _worker(self, *queues: str) -> list[str]:
        command = [sys.executable, "worker.py", *queues]
        if not self.reload:
            return command
        return [sys.executable, "-m", "watchfiles", "--grace-period", "1", shlex.join(command), *WATCHED]

    def _mail_sink(self) -> Child:
        smtp_port, page_port = ports.free_port(), ports.first_free_port(self.settings.port + 1)
        self.mail_page = f"http://127.0.0.1:{page_port}"
        self.environment |= {
            "MAIL_SERVER": "127.0.0.1",
            "MAIL_PORT": str(smtp_port),
            "MAIL_PAGE": self.mail_page,
            "MAIL_USERNAME": "",
            "MAIL_PASSWORD": "",
            "MAIL_USE_TLS": "0",
            "MAIL_USE_SSL": "0",
        }
        return Child("mail", [sys.executable, "-m", "app.run.mail_sink", str(smtp_port), str(page_port)], grace=5.0)

    @property
    def stages(self) -> list[list[Child]]:
        """Groups of processes, in the order in which they are stopped.

        Clients are stopped before the servers that they use.
        """
        sink = [self.mail_sink] if self.mail_sink else []
        return [[self.web], self.workers, sink, [self.redis.child] if self.redis else []]

    @property
    def address(self) -> str:
        """The URL at which users can reach the site."""
        # The linter's rule S104 warns about listening on all addresses. Here the address is only compared.
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "::1": "[::1]"}.get(self.settings.host, self.settings.host)  # noqa: S104
        return self.settings.public_url or f"http://{host}:{self.settings.port}"

    @property
    def probe_host(self) -> str:
        """The IP address or host name by which this machine can reach the web server."""
        # S104: as above.
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.settings.host, self.settings.host)  # noqa: S104


def open_connections() -> int:
    """Raise this process's limit of open files, and return the number of connections that a web process may keep open.

    Web processes inherit the limit. granian's own default of 512 connections for each process is too low for the
    browsers that poll.
    """
    wanted = CONNECTIONS + OWN_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < files:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))  # the web processes inherit it
    return max(files - OWN_FILES, 1)


def is_set(name: str) -> bool:
    """Return whether the variable `name` is set, in the environment or in `.env`."""
    return bool(os.environ.get(name) or dotenv_values(ROOT / ".env").get(name))
