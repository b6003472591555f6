"""Closing connections of this process that have stalled, by what the kernel knows of them (Linux).

A WSGI app cannot interrupt a read of its server, and granian does not say by which connection a request came. But the
process can find its connections among its open files and ask the kernel for their TCP_INFO (tcp(7), linux/tcp.h): when
data was last sent and received, and how much. A connection that waits for the rest of a body has sent nothing since it
began, and receives little. After shutdown(2) the server reads its end, and the blocked read returns.

On other systems nothing is closed: there a late body keeps its reader until the client goes away.
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
_LAST_DATA_SENT, _LAST_DATA_RECEIVED, _BYTES_RECEIVED = 9, 11, 27  # places among the unpacked; times in milliseconds


class Traffic(NamedTuple):
    """What the kernel says of a connection."""

    sent: float  # seconds since data was last sent, or since the connection was made
    received: float  # the same for receiving
    total: int  # bytes received in all


class Stalled:
    """Finds connections that neither get an answer nor bring data. For one thread."""

    def __init__(self, *, after: float, rate: float) -> None:
        """Stalled is what was sent nothing for `after` seconds, and brings less than `rate` bytes a second."""
        self._after = after * 0.9  # the kernel's clock is coarse
        self._rate = rate
        self._seen: dict[tuple[str, int], tuple[float, int]] = {}  # by peer: when first, and how much it had brought

    def close(self, addresses: set[str], port: int) -> None:
        """Close the stalled connections to local `port` from `addresses`.

        Idle keep-alive connections of these addresses are closed, too, as a server may do at any time (RFC 9112,
        section 9.3). What was answered lately is spared; whether data comes fast enough takes two looks.
        """
        moment, seen = time.monotonic(), {}
        for connection in _connections():
            with connection, suppress(OSError):  # it has ended meanwhile
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
    """The TCP sockets of this process, each a copy that stays the same connection if the original is closed."""
    if sys.platform != "linux":
        return
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208  (ten thousand of them)
        with suppress(OSError):  # closed since it was listed
            if stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                copy = socket.socket(fileno=os.dup(int(name)))
                if copy.family in {socket.AF_INET, socket.AF_INET6}:
                    yield copy
                else:
                    copy.close()


def _plain(name: tuple[str, int]) -> tuple[str, int]:
    """Address and port, IPv4 as such also on a socket that takes both."""
    return name[0].removeprefix("::ffff:"), name[1]


def _traffic(connection: socket.socket) -> Traffic:
    raw = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO.size)
    fields = _TCP_INFO.unpack(raw)
    return Traffic(fields[_LAST_DATA_SENT] / 1000, fields[_LAST_DATA_RECEIVED] / 1000, fields[_BYTES_RECEIVED])
