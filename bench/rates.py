"""Measure the request rate and the latency of a server. One thread sends prepared requests on keep-alive connections.

The client shares the machine with the server, so it must need less CPU time than the server. It waits with epoll, and
parses only the status and the length of a response.
"""

from __future__ import annotations

import selectors
import socket
import statistics
import time
from dataclasses import dataclass

from bench import wire


@dataclass(frozen=True)
class Target:
    """A URL of a local server, and the cookie for requests to it."""

    port: int
    path: str
    cookie: str

    def request(self) -> bytes:
        """Return the request in bytes."""
        return wire.get(self.port, self.path, self.cookie)


class _Connection:
    """A connection that sends the same request repeatedly."""

    def __init__(self, target: Target) -> None:
        self.socket = socket.create_connection(("127.0.0.1", target.port))
        self._request = target.request()
        self._reader = wire.Reader()

    def ask(self) -> None:
        """Send the request. It is short enough for a single write."""
        self.socket.sendall(self._request)

    def hear(self) -> wire.Answer | None:
        """Read the bytes that have arrived. Return the response if it is complete, or else None.

        Raises ConnectionError for a status other than 200, or if the server closes the connection.
        """
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError("the server closed the connection")
        answer = self._reader.feed(data)
        if answer is not None and answer.status != 200:
            raise ConnectionError(f"status {answer.status}")
        return answer

    def once(self) -> wire.Answer:
        """Send the request and wait for the response."""
        self.ask()
        while (answer := self.hear()) is None:
            pass
        return answer


def once(target: Target) -> bytes:
    """Send one request, and return the body of the response."""
    connection = _Connection(target)
    with connection.socket:
        return connection.once().body


def rate(target: Target, *, seconds: float, connections: int) -> float:
    """Return the number of requests per second that the server answers, measured for `seconds`.

    Each of the connections sends a new request as soon as it gets a response.
    """
    with selectors.DefaultSelector() as selector:
        for _ in range(connections):
            connection = _Connection(target)
            selector.register(connection.socket, selectors.EVENT_READ, connection)
            connection.ask()
        count = 0
        started = time.perf_counter()
        until = started + seconds
        while time.perf_counter() < until:
            for key, _events in selector.select(1):
                if key.data.hear() is not None:
                    count += 1
                    key.data.ask()
        spent = time.perf_counter() - started
        for key in list(selector.get_map().values()):
            key.data.socket.close()
    return count / spent


def latency(target: Target, *, requests: int) -> float:
    """Return the median latency of requests that are sent one after the other, in seconds."""
    times = []
    connection = _Connection(target)
    with connection.socket:
        for _ in range(requests):
            started = time.perf_counter()
            connection.once()
            times.append(time.perf_counter() - started)
    return statistics.median(times)


def compare(few: Target, many: Target, *, rounds: int = 7, requests: int = 40) -> tuple[float, float, float]:
    """Measure two servers in turns.

    Return the median ratio of the latencies (`many` divided by `few`), and both latencies of the last round.
    """
    for target in (few, many):
        latency(target, requests=20)  # warm up: compile templates, read the database into the file cache
    ratios = []
    for _ in range(rounds):
        little, much = latency(few, requests=requests), latency(many, requests=requests)
        ratios.append(much / little)
    return statistics.median(ratios), little, much
