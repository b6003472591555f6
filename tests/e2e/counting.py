"""A door in front of the site that counts what comes through it, and can be shut."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import time
from dataclasses import dataclass

POLL = re.compile(rb"GET (/notifications\?[^ ]*) HTTP/1\.1\r\n")
BUFFER = 65536


@dataclass(frozen=True)
class Poll:
    """One poll, and when it passed (seconds, monotonic)."""

    at: float
    path: str


class CountingDoor:
    """Passes bytes between a browser and the site's port, and notes the polls among them."""

    def __init__(self, site_port: int) -> None:
        self.polls: list[Poll] = []
        self.is_shut = False
        self._site = ("127.0.0.1", site_port)
        self._open: set[socket.socket] = set()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def count_since(self, moment: float) -> int:
        """How many polls passed after `moment`."""
        return sum(poll.at > moment for poll in list(self.polls))

    def shut(self) -> None:
        """As a server that is gone: what is open breaks, and nothing new is answered."""
        self.is_shut = True
        for end in list(self._open):
            _end(end)

    def open(self) -> None:
        """Let everything through again."""
        self.is_shut = False

    def close(self) -> None:
        """For good."""
        self.shut()
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                browser, _address = self._listening.accept()
            except OSError:
                return
            if self.is_shut:
                browser.close()
                continue
            site = socket.create_connection(self._site)
            self._open |= {browser, site}
            for source, target, watched in ((browser, site, True), (site, browser, False)):
                threading.Thread(target=self._pass_on, args=(source, target, watched), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, watched: bool) -> None:
        seen = b""
        try:
            while data := source.recv(BUFFER):
                if watched:
                    seen = self._note(seen + data)
                target.sendall(data)
        except OSError:
            pass
        for end in (source, target):
            _end(end)
            self._open.discard(end)

    def _note(self, seen: bytes) -> bytes:
        """Note the polls in `seen`; what is left may be the first half of one."""
        end = 0
        for found in POLL.finditer(seen):
            self.polls.append(Poll(time.monotonic(), found[1].decode()))
            end = found.end()
        return seen[end:][-BUFFER:]


def _end(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
