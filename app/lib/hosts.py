"""Hosts of URLs, in the one spelling that browsers send."""

from __future__ import annotations

from ipaddress import IPv6Address
from urllib.parse import urlsplit, urlunsplit

import idna


def canonical_host(host: str) -> str:
    """Return a host in lower case, in ASCII, without a final dot; an IPv6 address in its short form, in brackets.

    Browsers convert names by IDNA 2008 and accept what only IDNA 2003 allows, such as symbols (UTS 46). Raise
    ValueError for a host that no browser accepts.
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
    """Return `url` with its host in the spelling of `canonical_host`. Raise ValueError if the host or port is invalid.

    `url` has no user name.
    """
    parts = urlsplit(url)
    port = "" if parts.port is None else f":{parts.port}"
    return urlunsplit(parts._replace(netloc=f"{canonical_host(parts.hostname or '')}{port}"))
