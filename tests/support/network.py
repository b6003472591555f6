"""No test speaks to anything but this machine."""

from __future__ import annotations

import ipaddress
import sys
from typing import Any

_installed = False


def _guard(event: str, args: tuple[Any, ...]) -> None:
    if event == "socket.connect" and isinstance(args[1], tuple):
        host = str(args[1][0])
        try:
            local = ipaddress.ip_address(host.partition("%")[0]).is_loopback
        except ValueError:
            local = host == "localhost"
        if not local:
            raise RuntimeError(f"a test tried to reach {host}: only this machine may be spoken to")


def forbid_the_network() -> None:
    """Make every connection beyond loopback raise, in this process, for good (audit hooks cannot be removed)."""
    global _installed
    if not _installed:
        _installed = True
        sys.addaudithook(_guard)
