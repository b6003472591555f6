"""A tiny site for the scripts to run against: it serves them with the real Content-Security-Policy and answers as told.

It stands in for the application so that a test can say "the third poll fails with 503" and count what the browser asks.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from app.web.asset_build import OWN, VENDOR

CSP = "default-src 'self'; img-src 'self' data:"


@dataclass
class Answer:
    """What the site sends back."""

    body: str = ""
    status: int = 200
    type: str = "text/html; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Asked:
    """What a browser asked for, and when (seconds, monotonic)."""

    at: float
    method: str
    path: str
    query: dict[str, str]
    form: dict[str, str]
    body: str
    headers: dict[str, str]


Route = Callable[[Asked], Answer]


def as_json(value: Any, status: int = 200, **headers: str) -> Answer:
    """Wrap a value as a JSON answer; underscores in header names become hyphens."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Answer(json.dumps(value), status, "application/json", named)


def note(name: str, data: Any, timestamp: float) -> dict[str, Any]:
    """Build one notification as `/notifications` sends it."""
    return {"name": name, "data": data, "timestamp": timestamp}


class FakeSite:
    """The site of one test: its notifications, its extra routes, and the list of what was asked."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.notifications: list[dict[str, Any]] = []
        self.poll: Route = self.poll_truthfully
        self.routes: dict[str, Route] = {}
        self.content = ""
        self.body_attributes: dict[str, str] = {}
        self.lang = "en"
        site = self

        class Handler(_Handler):
            def answer(self, asked: Asked) -> Answer:
                return site.answer(asked)

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def poll_truthfully(self, asked: Asked) -> Answer:
        """Answer as the contract says: everything after `since`, oldest first."""
        since = float(asked.query.get("since", "0"))
        return as_json([n for n in self.notifications if n["timestamp"] > since])

    def polls(self) -> list[Asked]:
        """Return the polls made so far."""
        return [asked for asked in self.asked if asked.path == "/notifications"]

    def answer(self, asked: Asked) -> Answer:
        """Find the answer to one request."""
        if asked.path == "/favicon.svg":
            return Answer("<svg xmlns='http://www.w3.org/2000/svg'/>", type="image/svg+xml")
        if asked.path.startswith("/static/"):
            return _static(asked.path)
        self.asked.append(asked)
        if asked.path in self.routes:
            return self.routes[asked.path](asked)
        if asked.path == "/notifications":
            return self.poll(asked)
        if asked.path == "/":
            return Answer(self.page())
        return Answer("not found", 404)

    def page(self, content: str | None = None) -> str:
        """Render a page with the attributes of the layout."""
        attributes = {
            "data-poll-url": "/notifications",
            "data-poll-interval": "1",
            "data-since": "100.000001",
            "data-user-id": "7",
            "data-login-url": "/auth/login",
        } | self.body_attributes
        body = " ".join(f'{name}="{value}"' for name, value in attributes.items() if value)
        return (
            f'<!doctype html><html lang="{self.lang}" data-bs-theme="auto"><head><title>Home</title>'
            '<meta charset="utf-8"><meta name="csrf-token" content="token-1">'
            '<link rel="icon" type="image/svg+xml" href="/favicon.svg">'
            '<script type="module" src="/static/js/member.js"></script>'
            f"</head><body {body}>"
            f"<main>{self.content if content is None else content}</main>"
            '<div id="live" aria-live="polite"></div></body></html>'
        )


def _static(path: str) -> Answer:
    """Serve the modules one by one, as they are written; tests/e2e runs them combined."""
    name = path.removeprefix("/static/")
    file = VENDOR[name] if name in VENDOR else OWN / name
    return Answer(file.read_text("utf-8"), type="text/javascript; charset=utf-8")


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that has closed its tab is no error; any other shows as a test that fails."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, asked: Asked) -> Answer:
        raise NotImplementedError

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        sent = self.rfile.read(length).decode("utf-8", "replace")
        asked = Asked(
            at=time.monotonic(),
            method=self.command,
            path=parts.path,
            query={name: values[-1] for name, values in parse_qs(parts.query).items()},
            form={name: values[-1] for name, values in parse_qs(sent).items()},
            body=sent,
            headers=dict(self.headers),
        )
        answer = self.answer(asked)
        body = answer.body.encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", CSP)
        self.send_header("Cache-Control", "no-store")
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = _serve  # noqa: N815 - http.server's names

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Stay quiet."""
