"""WSGI middleware that checks the Host header, and moves the URL prefix from the path to SCRIPT_NAME.

The middleware runs right after ProxyFix. So all other code receives only requests for this site. In these requests,
SCRIPT_NAME is the URL prefix and PATH_INFO is the rest of the path.

The URL prefix is the path of PUBLIC_URL, such as "/blog" in "https://example.org/blog". The proxy may remove it from
the path of the request, or leave it there. If PUBLIC_URL has no path, the prefix is the WSGI server's SCRIPT_NAME, or
the X-Forwarded-Prefix header of a trusted proxy. This header is ignored if it is not a plain path. Otherwise, a prefix
such as "//evil.example" would make redirects lead to another site.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from app.config import is_prefix
from app.lib.hosts import canonical_host

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")  # for health checks from this machine
REFUSAL = b"This address is not served here.\n"

# RFC 9110, section 7.2: a name, an IPv4 address or an IPv6 address in brackets; a port. DNS allows a trailing dot.
_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[^\s:/@\[\],]+?)\.?(?::\d{0,5})?", re.ASCII | re.IGNORECASE)
# Some proxies add the client's port to its address in X-Forwarded-For. Rate limits and alerts need the address alone.
_PORT = re.compile(r"\[(?P<ipv6>[0-9a-f:.]+)\](?::\d+)?|(?P<ipv4>[0-9.]+):\d+", re.ASCII | re.IGNORECASE)


class HostCheck:
    """A check of Host headers. It accepts the host of PUBLIC_URL and the loopback names, with any port."""

    def __init__(self, public_url: str) -> None:
        """Create the check. If `public_url` is empty, it accepts every host."""
        self._names = {_name(public_url), *LOOPBACK} if public_url else set()
        self._usual = {_name(public_url), urlsplit(public_url).netloc} if public_url else set()  # the common case

    def allows(self, host: str) -> bool:
        """Return whether the Host header `host` is accepted. Case is ignored (RFC 4343)."""
        if not self._names or host in self._usual:
            return True
        found = _HOST.fullmatch(host)
        return found is not None and found["name"].lower() in self._names


class HostMiddleware:
    """WSGI middleware that checks the Host header, and moves the URL prefix from the path to SCRIPT_NAME."""

    def __init__(
        self, inner: WSGIApplication, public_url: str, headers: dict[str, str], *, trusted_proxies: int = 0
    ) -> None:
        """Create the middleware for the app `inner`.

        `public_url` must be a valid URL or "". `headers` are added to the responses with status 400. `trusted_proxies`
        is the number of trusted proxies through which a request passes.
        """
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
        """Pass the request on to the app, or respond with 400 if the Host header is not accepted.

        The 400 response is plain text, because links on an error page would contain the wrong host.
        """
        if not self._hosts.allows(environ.get("HTTP_HOST", "")):
            start_response("400 Bad Request", self._refusal_headers)
            return [REFUSAL]
        if self._hops and (found := _PORT.fullmatch(environ.get("REMOTE_ADDR", ""))):
            environ["REMOTE_ADDR"] = found["ipv6"] or found["ipv4"]
        if self._prefix or self._hops:
            self._mount(environ)
        return self._inner(environ, start_response)

    def _mount(self, environ: WSGIEnvironment) -> None:
        if environ.get("SCRIPT_NAME"):  # the WSGI server has set the prefix
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
        """Return the X-Forwarded-Prefix header that the outermost trusted proxy has set.

        Return "" if the header is missing or is not a plain path.
        """
        values = [value.strip() for value in environ.get("HTTP_X_FORWARDED_PREFIX", "").split(",")]
        value = values[-self._hops].rstrip("/") if 0 < self._hops <= len(values) else ""
        return value if is_prefix(value) else ""


def _name(public_url: str) -> str:
    return canonical_host(urlsplit(public_url).hostname or "")
