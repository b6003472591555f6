"""Signed links with which a user turns off email about some kinds of notifications, without a login (RFC 8058).

A link never expires, because links in old emails must work. It becomes invalid if SECRET_KEY changes. A link can do
nothing but turn off email about its kinds, so forwarding an email is not dangerous.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from flask import current_app
from itsdangerous import BadSignature, URLSafeSerializer

from app.mailer import site_url
from app.models import User
from app.notifications.kinds import KINDS

MAX_LENGTH = 600  # characters of a token; a token with all kinds is half as long


@dataclass(frozen=True)
class Link:
    """The content of a valid link: the user, and the kinds of notifications to turn off.

    Kinds that are essential or no longer exist are left out.
    """

    user_id: int
    kinds: list[str]


def url(user: User, kinds: Collection[str]) -> str:
    """Return the URL that turns off email to `user` about these kinds of notifications."""
    return site_url("delivery.unsubscribe", token=_signer().dumps([user.id, *kinds]))


def headers(user: User, kinds: Collection[str]) -> Mapping[str, str]:
    """Return the headers that make email programs show an "unsubscribe" button; {} if `kinds` is empty."""
    if not kinds:
        return {}
    return {"List-Unsubscribe": f"<{url(user, kinds)}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}


def read(token: str) -> Link | None:
    """Return the content of `token`, or None if the token is invalid."""
    if len(token) > MAX_LENGTH:
        return None
    try:
        content = _signer().loads(token)
    except (BadSignature, ValueError):
        return None
    match content:
        case [int(user_id), *kinds]:
            return Link(user_id, [kind for kind in kinds if kind in KINDS and not KINDS[kind].essential])
    return None


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(
        current_app.config["SECRET_KEY"],
        salt="microblog-unsubscribe",
        signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
    )
