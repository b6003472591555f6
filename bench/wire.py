"""A minimal HTTP/1.1 client that needs little CPU time: requests are prepared, and responses are hardly parsed."""

from __future__ import annotations

import re
from dataclasses import dataclass

END_OF_HEAD = b"\r\n\r\n"
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
SET_COOKIE = re.compile(rb"\r\nset-cookie: *([^;\r]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    """A response of a server."""

    status: int
    head: bytes
    body: bytes

    @property
    def cookie(self) -> str:
        """The first cookie that the response sets, as `name=value`; "" if there is none."""
        found = SET_COOKIE.search(self.head)
        return found[1].decode() if found else ""


class Reader:
    """Parses the responses on a connection."""

    def __init__(self) -> None:
        self._data = b""

    def feed(self, data: bytes) -> Answer | None:
        """Add received bytes. Return the response if it is complete, or else None.

        There is no pipelining, so nothing may follow a response before the next request.
        """
        self._data = self._data + data if self._data else data
        end = self._data.find(END_OF_HEAD)
        if end < 0:
            return None
        head = self._data[:end]
        found = LENGTH.search(head)
        start = end + len(END_OF_HEAD)
        if len(self._data) < start + (int(found[1]) if found else 0):
            return None
        answer = Answer(int(head[9:12]), head, self._data[start:])
        self._data = b""
        return answer


def get(port: int, path: str, cookie: str) -> bytes:
    """Return a GET request in bytes."""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: {cookie}\r\nAccept: */*\r\n\r\n".encode()


def post(port: int, path: str, cookie: str, form: str) -> bytes:
    """Return a POST request with a URL-encoded form in bytes."""
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: {cookie}\r\nAccept: */*\r\n"
        f"X-Requested-With: XMLHttpRequest\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(form)}\r\n\r\n{form}"
    ).encode()
