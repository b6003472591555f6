"""How fast a server answers when nobody pauses: prepared requests over keep-alive connections, one thread for all.

The generator shares the machine with the server, so it must be the cheaper of the two: it waits with epoll, and looks
at no more of an answer than whether it is good and where it ends.
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
    """One URL of one local server, asked with one cookie."""

    port: int
    path: str
    cookie: str

    def request(self) -> bytes:
        """The bytes of the request."""
        return wire.get(self.port, self.path, self.cookie)


class _Connection:
    """One connection that asks the same again and again."""

    def __init__(self, target: Target) -> None:
        self.socket = socket.create_connection(("127.0.0.1", target.port))
        self._request = target.request()
        self._reader = wire.Reader()

    def ask(self) -> None:
        """Send the request: it is short, so the system takes it whole."""
        self.socket.sendall(self._request)

    def hear(self) -> wire.Answer | None:
        """Read what has come; the answer when it is whole. Raises ConnectionError unless it is a 200."""
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError("the server closed the connection")
        answer = self._reader.feed(data)
        if answer is not None and answer.status != 200:
            raise ConnectionError(f"status {answer.status}")
        return answer

    def once(self) -> wire.Answer:
        """Ask, and wait for the answer."""
        self.ask()
        while (answer := self.hear()) is None:
            pass
        return answer


def once(target: Target) -> bytes:
    """The body of one answer."""
    connection = _Connection(target)
    with connection.socket:
        return connection.once().body


def rate(target: Target, *, seconds: float, connections: int) -> float:
    """Requests answered per second over `seconds` by `connections` askers that never pause."""
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
    """The median seconds of one answer, asked one after the other."""
    times = []
    connection = _Connection(target)
    with connection.socket:
        for _ in range(requests):
            started = time.perf_counter()
            connection.once()
            times.append(time.perf_counter() - started)
    return statistics.median(times)


def compare(few: Target, many: Target, *, rounds: int = 7, requests: int = 40) -> tuple[float, float, float]:
    """Two servers asked in turns: the median ratio of the latencies of `many` and `few`, and both in the last round."""
    for target in (few, many):
        latency(target, requests=20)  # templates are compiled, pages of the file are in memory
    ratios = []
    for _ in range(rounds):
        little, much = latency(few, requests=requests), latency(many, requests=requests)
        ratios.append(much / little)
    return statistics.median(ratios), little, much
