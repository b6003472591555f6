"""Rate limits against password guessing, with device cookies (docs/decisions/0016-logging-in.md).

This follows OWASP's "Slow Down Online Guessing Attacks with Device Cookies". After a login, the browser has a device
cookie: a signed cookie that contains a random token for the account. This browser then has its own counter of attempts
to log in to the account. All browsers without such a cookie share one counter for the account. If attackers exceed the
limit of the shared counter, the owner can still log in with a browser that has the cookie.
"""

from __future__ import annotations

import hashlib
import secrets
import time

from flask import Response, after_this_request, current_app, request
from itsdangerous import BadSignature, URLSafeSerializer
from limits import parse
from limits.errors import StorageError
from redis import RedisError
from werkzeug.exceptions import TooManyRequests

from app.accounts import queries
from app.extensions import limiter
from app.models import User
from app.web.limits import named

COOKIE = "microblog_device"
COOKIE_SECONDS = 365 * 24 * 3600
MAX_ACCOUNTS = 5
"""The maximum number of accounts in the cookie of one browser. The most recent logins are kept."""
TRIES = parse("10/5 minutes")


def count_attempt(user: User | None, name: str) -> bool:
    """Count an attempt to log in. `name` is the typed username or email address. `user` is the account, or None.

    A browser with a device cookie for the account has a counter of its own. All other attempts are counted twice: for
    the typed name, and for the account. Raises TooManyRequests if the counter of the browser or of the name is full.

    Returns False if the counter of the account is full. The caller must then respond in the same way as to a wrong
    password, and after the same time. The username and the address of an account share this counter, so a different
    response would reveal that they belong together.
    """
    number = _devices().get(str(user.id)) if user is not None else None
    if user is not None and number is not None:
        _hit_or_raise("device", str(user.id), number)
        return True
    _hit_or_raise("name", named(name))
    return _hit("account", str(user.id) if user is not None else named(name))


def reset_key() -> str:
    """Return the rate limit key for a request of a password reset link: the typed address, normalised.

    A browser with a device cookie for the account has its own key, so that requests from strangers don't count against
    the owner.
    """
    address = request.form.get("email", "")
    devices = _devices()
    user = queries.by_email(address) if devices else None
    number = devices.get(str(user.id)) if user is not None else None
    return named(address) if user is None or number is None else f"device:{user.id}:{number}"


def trust_browser(user: User) -> None:
    """Give this browser its own counter of login attempts for `user`, who has just proved their identity.

    For this, the browser gets a device cookie for the account.
    """
    devices = _devices()
    number = devices.pop(str(user.id), None) or secrets.token_urlsafe(16)
    kept = dict([*devices.items(), (str(user.id), number)][-MAX_ACCOUNTS:])

    @after_this_request
    def set_cookie(response: Response) -> Response:
        config, rules = current_app.config, current_app.session_interface
        response.set_cookie(
            COOKIE,
            _signer().dumps(kept),
            max_age=COOKIE_SECONDS,
            path=rules.get_cookie_path(current_app),
            secure=config["SESSION_COOKIE_SECURE"],
            httponly=True,
            samesite="Lax",
        )
        return response


def _devices() -> dict[str, str]:
    """Return the content of this browser's device cookie: a random token for each account id.

    The accounts are in the order of their last logins, the latest last. Return {} if the cookie is missing or invalid.
    """
    try:
        content = _signer().loads(request.cookies.get(COOKIE, ""))
    except (BadSignature, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(
        current_app.config["SECRET_KEY"],
        salt="microblog-device",
        signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
    )


def _hit_or_raise(*key: str) -> None:
    if not _hit(*key):
        reset = limiter.limiter.get_window_stats(TRIES, "login", *key).reset_time
        raise TooManyRequests(retry_after=max(1, min(TRIES.get_expiry(), int(reset - time.time()) + 1)))


def _hit(*key: str) -> bool:
    """Count one attempt for `key`. Return False if this exceeds the limit.

    Without Redis, each process has its own counters.
    """
    if not limiter.enabled:
        return True
    try:
        return bool(limiter.limiter.hit(TRIES, "login", *key))
    except (RedisError, StorageError, OSError):
        return True  # Redis failed just now; the limit per IP address still applies
