"""Imported by Python at its start, in processes that live by a moved clock. The package's docstring has the story."""

import mmap
import os
import struct
import sys


def _live_by(path: str) -> None:
    # time-machine brings a pytest plugin along, which a web process has no use for: it would start a second later.
    hidden = {name: sys.modules.setdefault(name, None) for name in ("pytest", "dateutil")}
    import _time_machine  # noqa: PLC0415  (only in these processes)
    import time_machine  # noqa: PLC0415

    for name in hidden:
        if sys.modules[name] is None:
            del sys.modules[name]
    with open(path, "rb") as file:  # noqa: PTH123  (pathlib is not needed yet)
        shared = mmap.mmap(file.fileno(), 8, prot=mmap.PROT_READ)
    offset = struct.Struct("=q")  # as in the package, which is not on this process's path

    def moved() -> int:
        return _time_machine.original_time_ns() + offset.unpack_from(shared)[0]

    time_machine.travel(0, tick=True).start().time_ns = moved


if os.environ.get("MOVED_CLOCK"):
    _live_by(os.environ["MOVED_CLOCK"])
