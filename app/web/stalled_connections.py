"""Find and close stalled connections of this process, with the kernel's TCP statistics (Linux only).

A thread that waits for the rest of a request body can't be interrupted, and granian doesn't tell a WSGI app which
connection a request uses. But the process can find its connections among its open files. For each connection, the
kernel's TCP_INFO says when data was last sent and received, and how much was received (tcp(7), linux/tcp.h). On a
connection that waits for the rest of a body, the server sends nothing and receives little. When such a connection is
closed with shutdown(2), the waiting thread reads the end of the stream and continues.

On other systems than Linux, no connection is closed, and a slow body occupies a thread until the client disconnects.
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
    """The kernel's statistics about the traffic of a TCP connection."""

    sent: float  # seconds since data was last sent, or since the connection was opened
    received: float  # seconds since data was last received, or since the connection was opened
    total: int  # bytes received in total


class StalledConnections:
    """The stalled connections of this process: nothing is sent on them, and too little is received. Not thread-safe."""

    def __init__(self, *, after: float, rate: float) -> None:
        """Set the limits by which a connection counts as stalled.

        A connection is stalled if nothing was sent for `after` seconds, and if one of these is also true:

        - Nothing was received for `after` seconds.
        - Fewer than `rate` bytes per second are received.
        """
        self._after = after * 0.9  # the kernel's clock is coarse
        self._rate = rate
        self._seen: dict[tuple[str, int], tuple[float, int]] = {}  # by peer: time first seen, bytes received by then

    def close(self, addresses: set[str], port: int) -> None:
        """Close the stalled connections from the IP addresses `addresses` to the server's `port`.

        The rate of a connection is measured from the first call that finds this connection. Idle keep-alive connections
        from these addresses are closed as well. A server may close such a connection at any time (RFC 9112, section
        9.3).
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
    """Yield duplicates of the TCP sockets of this process.

    A duplicate stays valid when the server closes the original socket.
    """
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
    """Return the IP address and port of a socket, without the prefix of an IPv4-mapped IPv6 address."""
    return name[0].removeprefix("::ffff:"), name[1]


def _traffic(connection: socket.socket) -> Traffic:
    raw = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO.size)
    fields = _TCP_INFO.unpack(raw)
    return Traffic(fields[_LAST_DATA_SENT] / 1000, fields[_LAST_DATA_RECEIVED] / 1000, fields[_BYTES_RECEIVED])
