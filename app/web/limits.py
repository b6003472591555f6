"""Rate limits per account and per IP address, as decorators for views.

A request above a limit gets 429 with Retry-After. All processes and hosts share the counters, which are in Redis. If
Redis is unavailable, each process has its own counters.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import g, request
from werkzeug.wrappers import Response

from app.extensions import limiter
from app.lib.media.rules import MAX_PIXELS
from app.lib.text.names import username_key
from app.web import rate_limit_storage  # noqa: F401  (registers itself)
from app.web.viewer import viewer_or_none


def by_address() -> str:
    """Return the rate limit key of the client's IP address.

    The key is the address itself. For IPv6, it is the /64 network, because one customer usually has a whole /64
    network.
    """
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
    """Return the rate limit key of the viewer's account. For a visitor, return the key of the IP address."""
    user = viewer_or_none()
    return f"user:{user.id}" if user else by_address()


def by_named(field: str) -> Callable[[], str]:
    """Return a function that returns the rate limit key of the username or email address in the form field `field`.

    `field` must be the form field that the view reads. If it were another field, a client could add this field to the
    form and so choose the key.
    """
    return lambda: named(request.form.get(field, ""))


def named(name: str) -> str:
    """Return the rate limit key of a username or email address. Case and surrounding spaces are ignored.

    Long names are truncated. Spaces are removed before that, so that adding spaces doesn't change the key.
    """
    return f"named:{username_key(name)[:320]}"


View = Callable[..., Any]

IMAGES_PER_HOUR = 80  # for one account
MEGAPIXELS_PER_HOUR = 1000
ACCOUNTS_PER_ADDRESS = 3  # limits per IP address are those per account times this
MAX_IMAGES = 4  # maximum number of images that are decoded in one request


def both(per_account: str, per_address: str, *, account: Callable[[], str] = by_account) -> Callable[[View], View]:
    """Return a decorator that limits the POST requests to a view, per account and per IP address.

    `per_account` and `per_address` are limits such as "10/hour". `account` is a function that returns the key by which
    requests are counted for `per_account`.
    """

    def decorate(view: View) -> View:
        limited = limiter.limit(per_account, key_func=account, methods=["POST"])(view)
        return limiter.limit(per_address, key_func=by_address, methods=["POST"])(limited)

    return decorate


login = limiter.limit("50/5 minutes", key_func=by_address, methods=["POST"])  # accounts: app/accounts/login_limits.py
register = both("10/hour", "20/hour", account=by_address)
# Limits the emails to one address, even if the requests come from many IP addresses. Invalid forms don't count.
register_address = limiter.limit(
    "5/day", key_func=by_named("email"), methods=["POST"], deduct_when=lambda answer: answer.status_code == 303
)
posting = both("30/5 minutes;300/day", "100/5 minutes")
# The limits per account are in app/messages/actions/rate_limits.py. There, the text of a refused message isn't lost.
messaging = limiter.limit("100/minute", key_func=by_address, methods=["POST"])
drafting = both("60/minute", "300/minute")  # a page saves every few seconds while the user types
suggesting = limiter.limit("120/minute", key_func=by_account)  # name suggestions while the user types
changing = both("60/minute", "300/minute")  # follow, settings and other small changes
reacting = limiter.limit("120/minute", key_func=by_account, methods=["POST"])  # likes, bookmarks, reposts
comparing = limiter.limit("30/minute", key_func=by_account)  # a page of versions takes up to half a second of CPU time
asking_for_translation = both("30/minute", "100/minute")
exporting = both("5/hour", "20/hour")
# Mail providers send all their users' unsubscribe requests from a few addresses.
unsubscribing = limiter.limit("300/minute", key_func=by_address, methods=["POST"])


def _files() -> int:
    return sum(1 for _field, file in request.files.items(multi=True) if file)


def count_pixels(pixels: int) -> None:
    """Add the pixels of an uploaded image to the sender's rate limit. Refused images count, too."""
    g.megapixels = g.get("megapixels", 0) + max(1, round(pixels / 1_000_000))


def _megapixels() -> int:
    """Return the number of megapixels of the images in this request, for the rate limit.

    Before the images are decoded, this is the maximum that they can have. Afterwards, it is the actual number.
    """
    worst = min(_files(), MAX_IMAGES) * (MAX_PIXELS // 1_000_000)
    return int(g.get("megapixels", worst))


def _has_decoded(_response: Response) -> bool:
    return "megapixels" in g


def uploading(view: View) -> View:
    """Limit how many images and megapixels an account or IP address can upload per hour. Use this as a decorator.

    All views with this decorator share the limits. There is a limit for pixels because the CPU time for decoding an
    image depends on their number.
    """

    @wraps(view)
    def with_files(*args: Any, **kwargs: Any) -> Any:
        return view(*args, **kwargs)

    # Flask-Limiter finds limits by the name of the view. Under another name, requests without files cost nothing.
    with_files.__qualname__ = f"{view.__qualname__}.with_files"
    limited: View = with_files
    limits = [("images", _files, None, IMAGES_PER_HOUR), ("megapixels", _megapixels, _has_decoded, MEGAPIXELS_PER_HOUR)]
    for scope, cost, deduct_when, most in limits:
        for who, times in ((by_account, 1), (by_address, ACCOUNTS_PER_ADDRESS)):
            limited = limiter.shared_limit(
                f"{most * times}/hour",
                scope=f"{scope}-{who.__name__}",
                key_func=who,
                cost=cost,
                deduct_when=deduct_when,
            )(limited)

    @wraps(view)
    def limit_files(*args: Any, **kwargs: Any) -> Any:
        return (limited if _files() else view)(*args, **kwargs)

    return limit_files
