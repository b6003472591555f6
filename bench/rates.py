"""A load generator that costs little: prepared requests over keep-alive sockets, one thread each."""

from __future__ import annotations

import socket
import statistics
import threading
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """One URL of one local server, asked with one cookie."""

    port: int
    path: str
    cookie: str

    def request(self) -> bytes:
        """The bytes of the request."""
        return (
            f"GET {self.path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nCookie: {self.cookie}\r\nAccept: */*\r\n\r\n"
        ).encode()


def _ask(connection: socket.socket, request: bytes) -> bytes:
    """Send one request and read its whole answer. Raises ConnectionError unless it is a 200."""
    connection.sendall(request)
    data = connection.recv(65536)
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise ConnectionError(head.split(b"\r\n")[0].decode())
    lower = head.lower()
    length = int(lower.split(b"content-length:")[1].split(b"\r\n")[0])
    while len(body) < length:
        body += connection.recv(65536)
    return body


def once(target: Target) -> bytes:
    """The body of one answer."""
    with socket.create_connection(("127.0.0.1", target.port)) as connection:
        return _ask(connection, target.request())


def rate(target: Target, *, seconds: float, connections: int) -> float:
    """Requests answered per second over `seconds` by `connections` askers that never pause."""
    counts = [0] * connections
    until = time.perf_counter() + seconds

    def run(index: int) -> None:
        request = target.request()
        with socket.create_connection(("127.0.0.1", target.port)) as connection:
            while time.perf_counter() < until:
                _ask(connection, request)
                counts[index] += 1

    threads = [threading.Thread(target=run, args=(index,)) for index in range(connections)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.perf_counter() - started)


def latency(target: Target, *, requests: int) -> float:
    """The median seconds of one answer, asked one after the other."""
    times = []
    request = target.request()
    with socket.create_connection(("127.0.0.1", target.port)) as connection:
        for _ in range(requests):
            started = time.perf_counter()
            _ask(connection, request)
            times.append(time.perf_counter() - started)
    return statistics.median(times)
