"""ICC profiles made by hand (ICC.1:2001-04): Display P3, and one of CMYK that nobody can mistake for arithmetic."""

from __future__ import annotations

import struct
from itertools import product

P3 = ((0.51512, 0.2412, -0.00105), (0.29198, 0.69225, 0.04189), (0.1571, 0.06657, 0.78407))
"""The primaries of Display P3 as XYZ under D50."""
D50 = (0.9642, 1.0, 0.8249)


def display_p3() -> bytes:
    """RGB with the primaries of Display P3 and a gamma of 2.2."""
    gamma = b"curv" + bytes(4) + struct.pack(">IH", 1, round(2.2 * 256)) + bytes(2)
    tags = {
        b"wtpt": _xyz(D50),
        **{name + b"XYZ": _xyz(primary) for name, primary in zip((b"r", b"g", b"b"), P3, strict=True)},
    }
    return _profile(b"mntr", b"RGB ", b"XYZ ", {**tags, **{name + b"TRC": gamma for name in (b"r", b"g", b"b")}})


def strange_cmyk() -> bytes:
    """CMYK in which cyan ink is green and no ink is white: a table of 16 corners to Lab."""
    corners = b"".join(
        bytes((128, 60, 190)) if cyan else bytes((255 - 80 * (magenta + yellow + black), 128, 128))
        for cyan, magenta, yellow, black in product((0, 1), repeat=4)
    )
    identity = struct.pack(">9i", *(65536 * (at % 4 == 0) for at in range(9)))
    line = bytes(range(256))
    table = b"mft1" + bytes(4) + bytes((4, 3, 2, 0)) + identity + line * 4 + corners + line * 3
    return _profile(b"prtr", b"CMYK", b"Lab ", {b"A2B0": table, b"wtpt": _xyz(D50)})


def _xyz(values: tuple[float, float, float]) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(value * 65536) for value in values))


def _profile(kind: bytes, space: bytes, connection: bytes, tags: dict[bytes, bytes]) -> bytes:
    name = b"desc" + bytes(4) + struct.pack(">I", 5) + b"test\0" + bytes(78 + 3)
    tags = {b"desc": name, b"cprt": b"text" + bytes(4) + b"none\0", **tags}
    at, table, body = 128 + 4 + 12 * len(tags), b"", b""
    for tag, content in tags.items():
        data = content + bytes(-len(content) % 4)
        table += tag + struct.pack(">II", at + len(body), len(data))
        body += data
    size = at + len(body)
    head = (
        struct.pack(">I", size)
        + bytes(4)
        + struct.pack(">I", 0x02100000)
        + kind
        + space
        + connection
        + bytes(12)
        + b"acsp"
    )
    head += bytes(28) + struct.pack(">3i", *(round(value * 65536) for value in D50))
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body
