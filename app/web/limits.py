"""Rate limits, per account and per address, each a decorator for a route. Past one: 429 with Retry-After.

Counted in Redis, so all processes and hosts share them; with Redis away each process counts for itself.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any

from flask import g, request
from werkzeug.wrappers import Response

from app.extensions import limiter
from app.lib.media.rules import MAX_PIXELS
from app.lib.text.names import username_key
from app.web.viewer import viewer_or_none


def by_address() -> str:
    """The asker's address; of IPv6 the /64 network, which is what one customer gets."""
    raw = request.remote_addr or "unknown"
    try:
        address = ipaddress.ip_address(raw)
    except ValueError:
        return raw
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def by_account() -> str:
    """The viewer, or the address of a visitor."""
    user = viewer_or_none()
    return f"user:{user.id}" if user else by_address()


def by_named(field: str) -> Callable[[], str]:
    """The account or address that `field` of the form names, in every spelling of it.

    It is the field that the form itself reads: by another one a stranger could choose the counter.
    """
    return lambda: named(request.form.get(field, ""))


def named(name: str) -> str:
    """The counter of a name or address in every spelling. It is folded before it is cut, or spaces would shift it."""
    return f"named:{username_key(name)[:320]}"


View = Callable[..., Any]

IMAGES_PER_HOUR = 80  # of one account
MEGAPIXELS_PER_HOUR = 1000
ACCOUNTS_PER_ADDRESS = 3  # as many full budgets for one address
MAX_IMAGES = 4  # that are decoded for one request


def _both(per_account: str, per_address: str, *, account: Callable[[], str] = by_account) -> Callable[[View], View]:
    def decorate(view: View) -> View:
        limited = limiter.limit(per_account, key_func=account, methods=["POST"])(view)
        return limiter.limit(per_address, key_func=by_address, methods=["POST"])(limited)

    return decorate


login = limiter.limit("50/5 minutes", key_func=by_address, methods=["POST"])  # accounts: app/accounts/login_limits.py
register = _both("10/hour", "20/hour", account=by_address)
# Nor may many addresses together fill the mailbox of one person. Only what was mailed counts, not a mistyped form.
register_address = limiter.limit(
    "5/day", key_func=by_named("email"), methods=["POST"], deduct_when=lambda answer: answer.status_code == 303
)
reset = _both("5/day", "20/hour", account=by_named("email"))
posting = _both("30/5 minutes;300/day", "100/5 minutes")
messaging = _both("30/minute;500/day", "100/minute")
drafting = _both("60/minute", "300/minute")  # a page saves every few seconds while somebody writes
suggesting = limiter.limit("120/minute", key_func=by_account)  # names, while somebody types
changing = _both("60/minute", "300/minute")  # follow, settings and other small changes
asking_for_translation = _both("30/minute", "100/minute")
exporting = _both("5/hour", "20/hour")
# Mail programs unsubscribe for all their people from a few addresses.
unsubscribing = limiter.limit("300/minute", key_func=by_address, methods=["POST"])


def _files() -> int:
    return sum(1 for _field, file in request.files.items(multi=True) if file)


def _no_file() -> bool:
    return _files() == 0


def count_pixels(pixels: int) -> None:
    """Count an uploaded image of this size, which was decoded or refused, against the sender's limit."""
    g.megapixels = g.get("megapixels", 0) + max(1, round(pixels / 1_000_000))


def _megapixels() -> int:
    """Before the images are decoded, the most they can have; afterwards what they had."""
    worst = min(_files(), MAX_IMAGES) * (MAX_PIXELS // 1_000_000)
    return int(g.get("megapixels", worst))


def _has_decoded(_response: Response) -> bool:
    return "megapixels" in g


def uploading(view: View) -> View:
    """Limit images and their pixels, which cost processor time, whichever form they are sent with."""
    limits = [("images", _files, None, IMAGES_PER_HOUR), ("megapixels", _megapixels, _has_decoded, MEGAPIXELS_PER_HOUR)]
    for scope, cost, deduct_when, most in limits:
        for who, times in ((by_account, 1), (by_address, ACCOUNTS_PER_ADDRESS)):
            view = limiter.shared_limit(
                f"{most * times}/hour",
                scope=f"{scope}-{who.__name__}",
                key_func=who,
                cost=cost,
                deduct_when=deduct_when,
                exempt_when=_no_file,
            )(view)
    return view
