"""WSGI middleware that answers polls without Flask. Most requests to a server are polls.

The middleware verifies the session cookie with the app's own serializer, once for each cookie. One Redis command
returns the timestamp of the user's newest notification, and whether the login may still poll.
(app/notifications/poll_cache.py explains why these values are correct.) If the timestamp equals `?since=`, the response
is `[]`. Such a poll is called idle.

If the poll is not idle, the middleware reads the notifications from the database, under the lock that is needed to fill
the cache. It passes the request on to the app if the lock is taken, if the cookie or `?since=` is invalid, or if Redis
or the database is unavailable. Requests that are not polls are always passed on.

All requests pass through this middleware, so it also measures how busy the process is (load.py) and sends the poll
interval. If the process is overloaded, the middleware rejects some of the polls that would need SQL.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from flask import Flask
from itsdangerous import BadData
from werkzeug.http import parse_accept_header
from werkzeug.sansio.http import parse_cookie

from app.core.database import read_transaction
from app.core.redis_client import Breaker, FastConnection, RedisUnavailable, ServerRun
from app.notifications import poll_cache
from app.polling import queries
from app.polling.load import Load
from app.polling.queries import Poll
from app.polling.since import parse_since
from app.web import compression, cookies

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PATH = "/notifications"
SESSIONS = 16384  # maximum number of session cookies whose signature is not verified again; about 10 MB
COOKIE_LENGTH = 512  # characters; a longer one is not cached. Padding can be added to a cookie, and it stays valid
TRIED = "microblog.poll_cache_tried"  # key in the environ of a poll for which the cache could not be filled
BUSY = b'{"error": "busy", "status": 503}\n'


class IdlePolls:
    """WSGI middleware that answers polls, and passes all other requests on to the app."""

    def __init__(self, app: Flask, inner: WSGIApplication) -> None:
        self._app = app
        self._inner = inner
        self._line: FastConnection = app.extensions["redis_line"]
        self._run: ServerRun = app.extensions["redis_run"]
        self._breaker: Breaker = app.extensions["redis_breaker"]
        self._serializer = cookies.serializer(app)
        self._signer = self._serializer.make_signer()  # once, because the serializer would make one for each cookie
        # Caches valid cookies only, because a cookie that isn't valid raises an error.
        self._verified = lru_cache(maxsize=SESSIONS)(self._verify)
        self._cookie_name: str = app.config["SESSION_COOKIE_NAME"]
        self._load: Load = app.extensions["web_load"]
        always = [*app.config["ANSWER_HEADERS"].items(), ("Content-Type", "application/json"), ("Vary", "Cookie")]
        always.append(("Cache-Control", "no-store"))
        self._intervals = [("Poll-Interval", str(interval)) for interval in self._load.intervals]
        # The headers of an idle poll, built in advance for each step of the load.
        self._idle = [[*always, ("Content-Length", "3"), interval] for interval in self._intervals]
        self._always = always
        self._busy = [*always, ("Content-Length", str(len(BUSY)))]

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a poll, or pass the request on to the app. Every request counts towards the load of the process."""
        self._load.enter()
        try:
            if environ["PATH_INFO"] == PATH and environ["REQUEST_METHOD"] == "GET":
                poll = self._poll(environ)
                if poll and self._is_idle(poll):
                    start_response("200 OK", self._idle[self._load.step])
                    return [b"[]\n"]
                if self._load.should_shed():
                    return self._shed(start_response)
                if poll and (news := self._news(poll, environ)):
                    headers, body = news
                    start_response("200 OK", headers)
                    return [body]
            return self._inner(environ, start_response)
        finally:
            self._load.leave()

    def _shed(self, start_response: StartResponse) -> Iterable[bytes]:
        retry = ("Retry-After", str(self._load.retry_after()))
        start_response("503 Service Unavailable", [*self._busy, self._intervals[self._load.step], retry])
        return [BUSY]

    def _poll(self, environ: WSGIEnvironment) -> Poll | None:
        login_id, user_id = self._login(environ.get("HTTP_COOKIE", ""))
        if not isinstance(login_id, str) or not isinstance(user_id, int):
            return None
        try:
            raw = parse_qs(environ.get("QUERY_STRING", ""), max_num_fields=9, keep_blank_values=True).get("since")
            return Poll(user_id, login_id, parse_since(raw[0] if raw else None))
        except ValueError:
            return None

    def _is_idle(self, poll: Poll) -> bool:
        try:
            question = ("HMGET", poll_cache.key(poll.user_id), "server", "last", poll.login_id)
            server, last, may_poll = self._breaker.call(lambda: self._line.ask(*question))
            return server == self._run.id and last is not None and may_poll is not None and float(last) == poll.since
        except (ValueError, RedisUnavailable):
            return False

    def _news(self, poll: Poll, environ: WSGIEnvironment) -> tuple[list[tuple[str, str]], bytes] | None:
        """Return the headers and the body of the response to a poll that is not idle.

        Return None if the app must handle the poll, for example because a lock is taken.
        """
        with self._app.app_context(), read_transaction():
            told = poll_cache.read_and_fill(
                poll.user_id, poll.login_id, lambda connection, last: queries.notifications(connection, poll, last)
            )
        if told is None:
            environ[TRIED] = True
            return None
        body = json.dumps(told, separators=(",", ":"), sort_keys=True).encode() + b"\n"
        headers = [*self._always, self._intervals[self._load.step], ("Vary", "Accept-Encoding")]
        accepted = environ.get("HTTP_ACCEPT_ENCODING", "")
        if len(body) >= compression.MIN_LENGTH and parse_accept_header(accepted).quality("gzip") > 0:
            body = compression.compress(body)
            headers.append(("Content-Encoding", "gzip"))
        return [*headers, ("Content-Length", str(len(body)))], body

    def _login(self, header: str) -> tuple[Any, Any]:
        value = parse_cookie(header).get(self._cookie_name)  # Flask's own parser, which accepts any bytes
        if not value:
            return None, None
        try:
            short = len(value) <= COOKIE_LENGTH and value.isascii()
            return self._verified(value) if short else self._verify(value)
        except (BadData, ValueError, TypeError, RecursionError):
            return None, None

    def _verify(self, value: str) -> tuple[Any, Any]:
        """Return the login's id and the user's id from a session cookie. Raises an error if the cookie isn't valid.

        The result never changes, because the cookie has no timestamp (app/web/cookies.py). Whether the login may still
        poll is not stored in the cookie, but in Redis.
        """
        session = dict(self._serializer.load_payload(self._signer.unsign(value)))
        return session.get(cookies.LOGIN_KEY), session.get(cookies.PERSON_KEY)


def answer_idle_polls(app: Flask) -> None:
    """Wrap the app in the middleware that answers polls."""
    app.extensions["web_load"] = Load(app.config["WEB_THREADS"], app.config["POLL_INTERVAL"])
    app.wsgi_app = IdlePolls(app, app.wsgi_app)  # type: ignore[method-assign]  # as Flask documents it
