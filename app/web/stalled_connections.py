"""Close stalled connections of this process, found by the kernel's TCP statistics (Linux).

A WSGI app cannot interrupt the server while it reads a body, and granian does not say which connection a request uses.
But the process can find its connections among its open files, and read their statistics with TCP_INFO (tcp(7),
linux/tcp.h): when data was last sent and received, and how much. While the server waits for the rest of a body, it
sends nothing and receives little. After shutdown(2), the blocked read returns, because it reaches the end of the
stream.

On other systems nothing is closed: a slow body occupies a thread until the client disconnects.
"""

from __future__ import annotations

import os
import socket
import stat
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

# struct tcp_info: eight bytes, 24 words of 32 bits, then pacing_rate, max_pacing_rate, bytes_acked, bytes_received.
_TCP_INFO = struct.Struct("=8x24I4Q")
_LAST_DATA_SENT, _LAST_DATA_RECEIVED, _BYTES_RECEIVED = 9, 11, 27  # indexes of the fields; times in milliseconds


class Traffic(NamedTuple):
    """The kernel's statistics of a connection."""

    sent: float  # seconds since data was last sent, or since the connection was opened
    received: float  # seconds since data was last received, or since the connection was opened
    total: int  # bytes received in total


class StalledConnections:
    """Closes connections on which nothing is sent and too little is received. Not thread-safe."""

    def __init__(self, *, after: float, rate: float) -> None:
        """Set when a connection counts as stalled.

        It is stalled if nothing was sent for `after` seconds, and fewer than `rate` bytes per second were received.
        """
        self._after = after * 0.9  # the kernel's clock is coarse
        self._rate = rate
        self._seen: dict[tuple[str, int], tuple[float, int]] = {}  # by peer: time first seen, bytes received by then

    def close(self, addresses: set[str], port: int) -> None:
        """Close the stalled connections from `addresses` to local `port`.

        This also closes idle keep-alive connections from these addresses, which a server may do at any time (RFC 9112,
        section 9.3). Connections with a recent response stay open. The rate is measured between two calls.
        """
        moment, seen = time.monotonic(), {}
        for connection in _connections():
            with connection, suppress(OSError):  # the connection may have ended meanwhile
                peer = _plain(connection.getpeername())
                if peer[0] not in addresses or connection.getsockname()[1] != port:
                    continue
                traffic = _traffic(connection)
                seen[peer] = first = self._seen.get(peer, (moment, traffic.total))
                if self._is_stalled(traffic, moment - first[0], traffic.total - first[1]):
                    connection.shutdown(socket.SHUT_RDWR)
        self._seen = seen

    def _is_stalled(self, traffic: Traffic, seconds: float, came: int) -> bool:
        if traffic.sent < self._after:
            return False
        return traffic.received >= self._after or (seconds >= 1 and came < self._rate * seconds)


def _connections() -> Iterator[socket.socket]:
    """Yield duplicates of the TCP sockets of this process. A duplicate stays valid if the original is closed."""
    if sys.platform != "linux":
        return
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 (there can be ten thousand entries)
        with suppress(OSError):  # closed since the listing
            if stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                copy = socket.socket(fileno=os.dup(int(name)))
                if copy.family in {socket.AF_INET, socket.AF_INET6}:
                    yield copy
                else:
                    copy.close()


def _plain(name: tuple[str, int]) -> tuple[str, int]:
    """Return the address and port of a socket. The IPv6 prefix of an IPv4 address is removed."""
    return name[0].removeprefix("::ffff:"), name[1]


def _traffic(connection: socket.socket) -> Traffic:
    raw = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO.size)
    fields = _TCP_INFO.unpack(raw)
    return Traffic(fields[_LAST_DATA_SENT] / 1000, fields[_LAST_DATA_RECEIVED] / 1000, fields[_BYTES_RECEIVED])
