"""The maximum request rate of a server: prepared requests over keep-alive connections, in one thread.

The generator shares the machine with the server, so it must cost less than the server does. It waits with epoll, and
parses no more of a response than its status and its end.
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
    """One URL of a local server, requested with one cookie."""

    port: int
    path: str
    cookie: str

    def request(self) -> bytes:
        """Return the bytes of the request."""
        return wire.get(self.port, self.path, self.cookie)


class _Connection:
    """A connection that repeats one request."""

    def __init__(self, target: Target) -> None:
        self.socket = socket.create_connection(("127.0.0.1", target.port))
        self._request = target.request()
        self._reader = wire.Reader()

    def ask(self) -> None:
        """Send the request. It is short enough for one write."""
        self.socket.sendall(self._request)

    def hear(self) -> wire.Answer | None:
        """Read what has arrived. Return the response when it is complete; ConnectionError unless it is a 200."""
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
    """Return the body of one response."""
    connection = _Connection(target)
    with connection.socket:
        return connection.once().body


def rate(target: Target, *, seconds: float, connections: int) -> float:
    """Return requests per second over `seconds`, with `connections` that never pause."""
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
    """Return the median latency in seconds of sequential requests."""
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

    Returns the median ratio of the latencies of `many` to `few`, and both latencies of the last round.
    """
    for target in (few, many):
        latency(target, requests=20)  # warm up: compile templates, load the file's pages into memory
    ratios = []
    for _ in range(rounds):
        little, much = latency(few, requests=requests), latency(many, requests=requests)
        ratios.append(much / little)
    return statistics.median(ratios), little, much
