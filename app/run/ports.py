"""Find free TCP ports on this machine, and check whether a port can be used."""

from __future__ import annotations

import errno
import socket


class PortUnavailable(OSError):
    """The site can't listen on its host and port. The message tells the operator what to change."""


def free_port() -> int:
    """Return a free port of 127.0.0.1, chosen by the operating system."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def first_free_port(start: int, tries: int = 50) -> int:
    """Return the first free port of 127.0.0.1 from `start` on. If `tries` ports are in use, return any free port."""
    for port in range(start, min(start + tries, 65536)):
        try:
            check("127.0.0.1", port)
        except PortUnavailable:
            continue
        return port
    return free_port()


def check(host: str, port: int) -> None:
    """Raise PortUnavailable if a server can't listen on this host and port now."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # accept a port that was closed a moment ago
            probe.bind((host, port))
    except OverflowError:
        raise PortUnavailable(f"PORT={port} isn't a port number. Choose one from 1 to 65535.") from None
    except socket.gaierror:
        raise PortUnavailable(f"HOST={host} isn't an address of this machine. Try HOST=127.0.0.1.") from None
    except OSError as error:
        raise PortUnavailable(_sentence(host, port, error)) from None


def _sentence(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Another program uses port {port}. Stop it, or choose another port,"
            f" as in `make run PORT={5050 if port != 5050 else 5060}`."
        )
    if error.errno == errno.EACCES:
        return f"Only the administrator can use port {port}. Choose one above 1023, as in `make run PORT=5050`."
    return f"HOST={host} isn't an address of this machine. Try HOST=127.0.0.1."
