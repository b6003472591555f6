"""Send a request to a push service (RFC 8030), and interpret its response.

The endpoint URL comes from the client, so it is untrusted: check it with `is_allowed` before calling `send`. Redirects
are not followed. Only the beginning of a response is read.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Mapping
from urllib.parse import SplitResult, urlsplit

import httpx2

TIMEOUT = 10  # seconds for each step: connection, request, response headers
MAX_RESPONSE = 400  # bytes of a response that are logged
MAX_ENDPOINT_LENGTH = 1024  # characters; real ones have 150 to 500
GONE_STATUSES = {404, 410}
RETRY_STATUSES = {408, 425, 429}  # and every status from 500 on


class Gone(Exception):
    """The push service no longer knows the subscription, so it can be deleted."""


class PushRejected(Exception):
    """The push service refuses this push permanently, so a retry would fail, too.

    The exception's text is for the operator.
    """


class TemporaryFailure(Exception):
    """The push could not be sent now, but a retry may succeed. The exception's text is for the log."""


def is_allowed(endpoint: str, hosts: Collection[str]) -> bool:
    """Return whether `endpoint` is the HTTPS URL of a push service in `hosts`.

    An item of `hosts` is a host ("push.example"), or a pattern for all subdomains of a host ("*.push.example"). HTTP is
    allowed only on a loopback address, for tests.
    """
    try:
        parts = urlsplit(endpoint)
        port = parts.port
    except ValueError:
        return False
    host = parts.hostname or ""
    if not endpoint.isascii() or not endpoint.isprintable() or " " in endpoint or len(endpoint) > MAX_ENDPOINT_LENGTH:
        return False
    if "@" in parts.netloc or "\\" in endpoint or parts.fragment or not _is_named(host, hosts):
        return False
    return _is_plain_and_local(parts) or (parts.scheme == "https" and port in {None, 443})


def _is_named(host: str, hosts: Collection[str]) -> bool:
    return any(host == name or (name.startswith("*.") and host.endswith(name[1:])) for name in hosts)


def _is_plain_and_local(parts: SplitResult) -> bool:
    try:
        return parts.scheme == "http" and ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False


def send(endpoint: str, body: bytes, headers: Mapping[str, str]) -> None:
    """Send one encrypted push with a POST request. Raises Gone, PushRejected or TemporaryFailure if this fails."""
    all_headers = {"Content-Encoding": "aes128gcm", "Content-Type": "application/octet-stream", **headers}
    try:
        with (
            httpx2.Client(timeout=TIMEOUT, trust_env=False, follow_redirects=False) as client,
            client.stream("POST", endpoint, content=body, headers=all_headers) as answer,
        ):
            status = answer.status_code
            said = "" if answer.is_success else _read_start(answer)
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
        raise TemporaryFailure(f"{type(error).__name__}: {error}") from error
    if 200 <= status < 300:
        return
    if status in GONE_STATUSES:
        raise Gone(f"the push service answered {status}")
    reason = f"{urlsplit(endpoint).hostname} answered {status}: {said}"
    if status in RETRY_STATUSES or status >= 500:
        raise TemporaryFailure(reason)
    raise PushRejected(reason)


def _read_start(answer: httpx2.Response) -> str:
    piece = next(answer.iter_raw(MAX_RESPONSE), b"")
    return " ".join(piece[:MAX_RESPONSE].decode("utf-8", "replace").split())
