"""Print the output of the child processes, line by line, prefixed with their names."""

from __future__ import annotations

import contextlib
import os
import selectors
import sys
from typing import IO

CHUNK = 65536  # bytes


def say(line: str) -> None:
    """Print `line` and flush. If the terminal is closed, do nothing."""
    with contextlib.suppress(OSError, ValueError):
        print(line, flush=True)


class Output:
    """Reads the output pipes of the child processes, and prints every line."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._colour = sys.stdout.isatty()

    def add(self, name: str, pipe: IO[bytes] | None) -> None:
        """Register `pipe`, so that `pump` prints the lines from it with the prefix `name`."""
        if pipe is not None:
            os.set_blocking(pipe.fileno(), False)
            self._selector.register(pipe, selectors.EVENT_READ, [name, b""])

    def pump(self, seconds: float) -> None:
        """Print the available output of all child processes. If there is none, wait up to `seconds` for some."""
        for key, _events in self._selector.select(seconds):
            pipe = key.fileobj
            name, before = key.data
            try:
                read = os.read(key.fd, CHUNK)
            except OSError:
                read = b""
            *lines, rest = (before + read).split(b"\n")
            key.data[1] = rest
            if not read:
                lines = [rest] if rest else []
                self._selector.unregister(pipe)
                pipe.close()  # type: ignore[union-attr]  # a file: add() registers nothing else
            for line in lines:
                say(self._labelled(name, line.decode(errors="replace")))

    def _labelled(self, name: str, line: str) -> str:
        return f"\x1b[2m{name:>8} |\x1b[0m {line}" if self._colour else f"{name:>8} | {line}"
