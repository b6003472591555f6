"""Links that unsubscribe from email about some kinds with one click, without a login (RFC 8058).

A link is valid as long as SECRET_KEY: a user must be able to unsubscribe from an old email. A link can only turn off
email about some kinds of events, so forwarding an email gives no other rights away.
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

MAX_LENGTH = 600  # characters of a token; one with all kinds has half as many


@dataclass(frozen=True)
class Link:
    """The content of a valid link: a user, and the kinds that still exist."""

    user_id: int
    kinds: list[str]


def url(user: User, kinds: Collection[str]) -> str:
    """Return the URL that turns off email to `user` about these kinds."""
    return site_url("delivery.unsubscribe", token=_signer().dumps([user.id, *kinds]))


def headers(user: User, kinds: Collection[str]) -> Mapping[str, str]:
    """Return the headers that let email programs offer one-click "unsubscribe". Empty without kinds."""
    if not kinds:
        return {}
    return {"List-Unsubscribe": f"<{url(user, kinds)}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}


def read(token: str) -> Link | None:
    """Return the content of `token`; None if it was not signed here. Essential kinds are never included."""
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
