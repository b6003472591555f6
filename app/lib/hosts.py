"""Normalise the hosts of URLs to the spelling that browsers send in the Host header."""

from __future__ import annotations

from ipaddress import IPv6Address
from urllib.parse import urlsplit, urlunsplit

import idna


def canonical_host(host: str) -> str:
    """Return `host` in the spelling that browsers send: in lower case, in ASCII, and without a final dot.

    Like browsers, this function converts names to ASCII by IDNA 2008 (with UTS 46). If this fails, it uses IDNA 2003,
    which also allows symbols. An IPv6 address is returned in its short form, in brackets. Raises ValueError for an
    invalid IPv6 address, and for a name that cannot be converted to ASCII.
    """
    if ":" in host:
        return f"[{IPv6Address(host)}]"
    name = host.lower().removesuffix(".")
    if name.isascii():
        return name
    try:
        return idna.encode(name, uts46=True).decode("ascii")
    except idna.IDNAError:
        return name.encode("idna").decode("ascii").lower()


def canonical_url(url: str) -> str:
    """Return `url` with its host replaced by `canonical_host(host)`. A username or password in `url` is removed.

    Raises ValueError if the host or the port is invalid.
    """
    parts = urlsplit(url)
    port = "" if parts.port is None else f":{parts.port}"
    return urlunsplit(parts._replace(netloc=f"{canonical_host(parts.hostname or '')}{port}"))
