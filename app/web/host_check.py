"""WSGI middleware that checks the Host header, and moves the URL prefix from the path to SCRIPT_NAME.

It runs right after ProxyFix. So all other code, including idle polls and static files, receives only requests for this
site, with the prefix in SCRIPT_NAME and the rest of the path in PATH_INFO.

The prefix is the path of PUBLIC_URL, such as "/blog" in "https://example.org/blog". It does not matter whether the
proxy removes it from the request. If PUBLIC_URL has no path, the prefix is the WSGI server's SCRIPT_NAME, or the
X-Forwarded-Prefix header of a trusted proxy. The header is ignored if it is not a plain path: redirects begin with the
prefix, and "//evil.example" would lead to another site.
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
    """The WSGI middleware that this module describes."""

    def __init__(
        self, inner: WSGIApplication, public_url: str, headers: dict[str, str], *, trusted_proxies: int = 0
    ) -> None:
        """Create the middleware. Settings has validated `public_url`. `headers` are added to 400 responses."""
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
        """Return X-Forwarded-Prefix from the outermost trusted proxy, or "" if it is missing or not a plain path."""
        values = [value.strip() for value in environ.get("HTTP_X_FORWARDED_PREFIX", "").split(",")]
        value = values[-self._hops].rstrip("/") if 0 < self._hops <= len(values) else ""
        return value if is_prefix(value) else ""


def _name(public_url: str) -> str:
    return canonical_host(urlsplit(public_url).hostname or "")
