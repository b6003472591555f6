"""The first WSGI middleware behind the proxies: it checks the Host header and takes the URL prefix off.

Everything behind it, the idle poll and static files included, sees only requests for this site, with SCRIPT_NAME as the
prefix and PATH_INFO below it.

The prefix is the path of PUBLIC_URL, as in "https://example.org/blog". It does not matter whether the proxy removes it
from the request. Without a path in PUBLIC_URL, the WSGI server's SCRIPT_NAME counts, or X-Forwarded-Prefix from a
trusted proxy if it is a plain path: it becomes part of redirects, and "//evil.example" would lead off the site.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from app.config import is_prefix

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")  # for health checks of this machine
REFUSAL = b"This address is not served here.\n"

# RFC 9110, section 7.2: a name, an IPv4 address or an IPv6 address in brackets; a port. A final dot is DNS's root.
_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[^\s:/@\[\],]+?)\.?(?::\d{0,5})?", re.ASCII | re.IGNORECASE)


class HostCheck:
    """Which Host headers are this site's: the host of PUBLIC_URL and the loopback names, on any port."""

    def __init__(self, public_url: str) -> None:
        """Without `public_url`, every host is taken."""
        self._names = {_name(public_url), *LOOPBACK} if public_url else set()
        self._usual = {_name(public_url), urlsplit(public_url).netloc} if public_url else set()  # found at once

    def allows(self, host: str) -> bool:
        """Whether `host`, the value of a Host header, is one of this site's. Case does not matter (RFC 4343)."""
        if not self._names or host in self._usual:
            return True
        found = _HOST.fullmatch(host)
        return found is not None and found["name"].lower() in self._names


class Front:
    """WSGI middleware; see the module."""

    def __init__(
        self, inner: WSGIApplication, public_url: str, headers: dict[str, str], *, trusted_proxies: int = 0
    ) -> None:
        """`headers` go on the answer to a foreign host. Raises nothing: Settings has checked `public_url`."""
        self._inner = inner
        self._hosts = HostCheck(public_url)
        self._prefix = urlsplit(public_url).path.rstrip("/")
        self._hops = trusted_proxies
        self._refusal_headers = [
            *headers.items(),
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Length", str(len(REFUSAL))),
            ("Cache-Control", "no-store"),
        ]

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer 400 to a foreign host, without a page, for no link on it would be right; else pass it on."""
        if not self._hosts.allows(environ.get("HTTP_HOST", "")):
            start_response("400 Bad Request", self._refusal_headers)
            return [REFUSAL]
        if self._prefix or self._hops:
            self._mount(environ)
        return self._inner(environ, start_response)

    def _mount(self, environ: WSGIEnvironment) -> None:
        if environ.get("SCRIPT_NAME"):  # the server has done it
            return
        forwarded = self._forwarded(environ)
        prefix = self._prefix or forwarded
        if not prefix:
            return
        environ["SCRIPT_NAME"] = prefix
        path = environ.get("PATH_INFO", "")
        if prefix != forwarded and (path == prefix or path.startswith(f"{prefix}/")):
            environ["PATH_INFO"] = path[len(prefix) :] or "/"

    def _forwarded(self, environ: WSGIEnvironment) -> str:
        """X-Forwarded-Prefix as the outermost trusted proxy set it; "" unless it is a plain path."""
        values = [value.strip() for value in environ.get("HTTP_X_FORWARDED_PREFIX", "").split(",")]
        value = values[-self._hops].rstrip("/") if 0 < self._hops <= len(values) else ""
        return value if is_prefix(value) else ""


def _name(public_url: str) -> str:
    """The host of `public_url` as browsers send it: lower case, IDNA, an IPv6 address in brackets."""
    name = urlsplit(public_url).hostname or ""
    return f"[{name}]" if ":" in name else name.encode("idna").decode("ascii")
