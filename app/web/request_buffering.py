"""The outermost WSGI middleware. It reads a request's whole body before it calls the app.

This prevents slow clients from blocking the app (the Slowloris attack). A WSGI server assigns a thread to a request as
soon as it has received the headers. If the app read the body itself, a client that sends one byte a minute would occupy
this thread. granian has no timeout for bodies (emmett-framework/granian#728).

Therefore, the server runs WEB_THREADS + BODY_READERS threads. At most BODY_READERS threads read bodies, into memory or
a temporary file. At most WEB_THREADS threads call the app. Requests without a body never wait for bodies. If too many
bodies are being read, further requests with a body get 503.

A body must arrive within BODY_TIMEOUT seconds, plus one second for each MIN_RATE bytes received, as in Apache's
mod_reqtimeout. A request with a body but without Content-Length is refused with 411: if its connection broke, WSGI
could not distinguish the truncated body from a complete one.
"""

from __future__ import annotations

import io
import queue
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import IO, TYPE_CHECKING

from app.web.stalled_connections import StalledConnections

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

BODY_READERS = 40  # extra threads of a web process for reading bodies; the Procfile and `make run` start them
PER_ADDRESS = 30  # maximum of bodies read from one IP address, so that one client cannot block all others
MIN_RATE = 8 * 1024  # bytes per second that a body must average after BODY_TIMEOUT
LARGEST = (
    22 * 1024 * 1024
)  # bytes: enough for a message with four images of 5 MB and its text; the app checks lower limits
PIECE = 16 * 1024  # bytes per read
IN_MEMORY = 256 * 1024  # bytes of one body; larger ones go to a temporary file
RETRY_AFTER = 10  # seconds, for 503
CHECK_EVERY = 1.0  # seconds between two checks for late bodies


class RequestBuffering:
    """WSGI middleware that reads a request's whole body before it calls the app."""

    def __init__(self, inner: WSGIApplication, *, threads: int, timeout: float, behind_proxy: bool) -> None:
        """Create the middleware for the app `inner`, which handles at most `threads` requests at the same time.

        `timeout` is BODY_TIMEOUT in seconds. If `behind_proxy` is true, the limit PER_ADDRESS is not used, because all
        requests may come from the proxy's IP address.
        """
        self._inner = inner
        self._turns: queue.SimpleQueue[None] = (
            queue.SimpleQueue()
        )  # used as a semaphore; several times faster than threading.Semaphore
        for _ in range(threads):
            self._turns.put(None)
        self._timeout = timeout
        self._readers = Readers(
            BODY_READERS if behind_proxy else PER_ADDRESS, StalledConnections(after=timeout, rate=MIN_RATE).close
        )

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Read the body of the request, if there is one, and then call the app.

        If all WEB_THREADS places in the app are taken, wait for one. If the body is refused or doesn't arrive in time,
        respond with an error and don't call the app.
        """
        if not environ.get("CONTENT_LENGTH") and "HTTP_TRANSFER_ENCODING" not in environ:
            return self._pass_on(environ, start_response)
        body = self._read_body(environ)
        if isinstance(body, HTTPStatus):
            return _refuse(body, start_response)
        with body:
            environ["wsgi.input"] = body
            environ["wsgi.input_terminated"] = True
            return self._pass_on(environ, start_response)

    def _pass_on(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        self._turns.get()
        try:
            return self._inner(environ, start_response)
        finally:
            self._turns.put(None)

    def _read_body(self, environ: WSGIEnvironment) -> IO[bytes] | HTTPStatus:
        """Read the request's body, and return it as a file.

        If the body is refused or incomplete, return an HTTP error status.
        """
        length = environ.get("CONTENT_LENGTH", "")
        if not (length.isascii() and length.isdigit()):
            return HTTPStatus.LENGTH_REQUIRED
        if "HTTP_TRANSFER_ENCODING" in environ:  # it would override the length (RFC 9112, section 6.3)
            return HTTPStatus.BAD_REQUEST
        wanted = int(length)
        if wanted > LARGEST:
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        if wanted == 0:
            return io.BytesIO()
        with self._readers.place(environ, self._timeout) as place:
            if place is None:
                return HTTPStatus.SERVICE_UNAVAILABLE
            body = _read(environ["wsgi.input"], wanted, place.extend)
        if body is None:
            return HTTPStatus.REQUEST_TIMEOUT if place.is_late else HTTPStatus.BAD_REQUEST
        return body


def _read(source: IO[bytes], wanted: int, tell: Callable[[int], None]) -> IO[bytes] | None:
    """Return a file with `wanted` bytes of `source`, or None if `source` ends early.

    After each read, call `tell` with the number of bytes received so far.
    """
    body: IO[bytes]
    body = io.BytesIO() if wanted <= IN_MEMORY else tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115
    came = 0
    while came < wanted:
        piece = source.read(min(PIECE, wanted - came))
        if not piece:
            body.close()
            return None
        body.write(piece)
        came += len(piece)
        tell(came)
    body.seek(0)
    return body


class Slot:
    """A request body that is being read, and its deadline."""

    def __init__(self, address: str, port: int, timeout: float) -> None:
        """Set the deadline to `timeout` seconds from now.

        `address` is the IP address of the client, and `port` is the port of the server.
        """
        self.address = address
        self.port = port
        self.due = self._first_due = time.monotonic() + timeout
        self.is_late = False

    def extend(self, came: int) -> None:
        """Extend the deadline by one second for each MIN_RATE bytes. `came` is the number of bytes received so far."""
        self.due = self._first_due + came / MIN_RATE


class Readers:
    """The request bodies that are being read. A background thread closes the connections of late bodies.

    A body is late if it has not arrived by its deadline.
    """

    def __init__(self, per_address: int, end: Callable[[set[str], int], None]) -> None:
        """Allow up to `per_address` bodies from one IP address at the same time.

        While bodies are late, `end(addresses, port)` is called every CHECK_EVERY seconds to close their connections.
        `addresses` are the IP addresses of the clients, and `port` is the port of the server.
        """
        self._per_address = per_address
        self._end = end
        self._lock = threading.Condition()
        self._places: set[Slot] = set()
        self._of: Counter[str] = Counter()
        self._watcher: threading.Thread | None = None

    @contextmanager
    def place(self, environ: WSGIEnvironment, timeout: float) -> Iterator[Slot | None]:
        """Return a context manager that reserves a `Slot` for reading a body.

        It yields None if too many bodies are being read. The deadline of the body is `timeout` seconds from now. The
        caller must extend the deadline as data arrives.
        """
        address, port = environ.get("REMOTE_ADDR", ""), int(environ.get("SERVER_PORT") or 0)
        place = Slot(address, port, timeout)
        if not self._enter(place):
            yield None
            return
        try:
            yield place
        finally:
            self._leave(place)

    def _enter(self, place: Slot) -> bool:
        with self._lock:
            if len(self._places) >= BODY_READERS or self._of[place.address] >= self._per_address:
                return False
            self._places.add(place)
            self._of[place.address] += 1
            if self._watcher is None:  # not started earlier, because a server may fork after loading the app
                self._watcher = threading.Thread(target=self._watch, name="late bodies", daemon=True)
                self._watcher.start()
            elif len(self._places) == 1:
                self._lock.notify()
            return True

    def _leave(self, place: Slot) -> None:
        with self._lock:
            self._places.discard(place)
            self._of -= Counter([place.address])

    def _watch(self) -> None:
        while True:
            with self._lock:
                while not self._places:
                    self._lock.wait()
                moment = time.monotonic()
                late = [place for place in self._places if place.due < moment]
                for place in late:
                    place.is_late = True
            if late:
                self._end({place.address.removeprefix("::ffff:") for place in late}, late[0].port)
            time.sleep(CHECK_EVERY)


def _refuse(status: HTTPStatus, start_response: StartResponse) -> Iterable[bytes]:
    body = f"{status.phrase}.\n".encode()
    headers = [
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Length", str(len(body))),
        ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"),
        ("Connection", "close"),  # the rest of the body is not read
    ]
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        headers.append(("Retry-After", str(RETRY_AFTER)))
    start_response(f"{status.value} {status.phrase}", headers)
    return [body]
