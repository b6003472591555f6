"""The idle poll: nearly every request a server gets, answered before the framework.

A WSGI room of its own, in front of Flask. It reads the session cookie with Flask's own key and rules, asks Redis once
for the person's newest timestamp and whether this login may still poll (app/poll_cache.py says why the answer is
true), and answers `[]`. Anything but that, whatever it is, goes on to the app: this room can only
ever say "nothing new".
"""

from __future__ import annotations

from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from flask import Flask
from itsdangerous import BadSignature

from app import poll_cache
from app.notifications.since import parse_since
from app.redis_client import Breaker, RedisUnavailable, Run
from app.web import cookies

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PATH = "/notifications"


class IdlePolls:
    """WSGI middleware that answers a poll which has nothing to hear."""

    def __init__(self, app: Flask, inner: WSGIApplication) -> None:
        self._inner = inner
        self._redis = app.extensions["redis"]
        self._run: Run = app.extensions["redis_run"]
        self._breaker: Breaker = app.extensions["redis_breaker"]
        self._serializer = cookies.serializer(app)
        self._cookie_name: str = app.config["SESSION_COOKIE_NAME"]
        self._headers = [
            *app.config["ANSWER_HEADERS"].items(),
            ("Content-Type", "application/json"),
            ("Content-Length", "3"),
            ("Cache-Control", "no-store"),
            ("Vary", "Cookie"),
            ("Poll-Interval", str(app.config["POLL_INTERVAL"])),
        ]

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer an idle poll; pass everything else on."""
        if environ["PATH_INFO"] == PATH and environ["REQUEST_METHOD"] == "GET" and self._is_idle(environ):
            start_response("200 OK", self._headers)
            return [b"[]\n"]
        return self._inner(environ, start_response)

    def _is_idle(self, environ: WSGIEnvironment) -> bool:
        session = self._session(environ.get("HTTP_COOKIE", ""))
        login_id, user_id = session.get(cookies.LOGIN_KEY), session.get(cookies.PERSON_KEY)
        if not isinstance(login_id, str) or not isinstance(user_id, int):
            return False
        try:
            raw = parse_qs(environ.get("QUERY_STRING", ""), max_num_fields=9).get("since")
            since = parse_since(raw[0] if raw else None)
            fields = ("server", "last", login_id)
            server, last, may_poll = self._breaker.call(lambda: self._redis.hmget(poll_cache.key(user_id), *fields))
            return server == self._run.id and last is not None and may_poll is not None and float(last) == since
        except (ValueError, RedisUnavailable):
            return False

    def _session(self, header: str) -> dict[str, Any]:
        if self._cookie_name not in header:
            return {}
        try:
            return dict(self._serializer.loads(SimpleCookie(header)[self._cookie_name].value))
        except (BadSignature, CookieError, KeyError, ValueError, TypeError, RecursionError):
            return {}


def answer_idle_polls(app: Flask) -> None:
    """Put the room in front of `app`."""
    app.wsgi_app = IdlePolls(app, app.wsgi_app)  # type: ignore[method-assign]  # as Flask documents it
