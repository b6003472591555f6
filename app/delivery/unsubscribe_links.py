"""Links that end mail of some kinds with one click, without logging in (RFC 8058): what is in them.

Such a link works as long as SECRET_KEY does: who finds an old mail must still be able to stop the next one. All it can
do is end mail about some kinds of event, so whoever a mail is forwarded to can do no more than that.
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

MAX_LENGTH = 600  # characters of a token; one that names every kind has half as many


@dataclass(frozen=True)
class Link:
    """What a genuine link names: a person, and kinds of event that there still are."""

    user_id: int
    kinds: list[str]


def url(user: User, kinds: Collection[str]) -> str:
    """The address that ends mail to `user` about these kinds."""
    return site_url("delivery.unsubscribe", token=_signer().dumps([user.id, *kinds]))


def headers(user: User, kinds: Collection[str]) -> Mapping[str, str]:
    """What lets mail programs show "unsubscribe", and do it without opening a page. Empty without kinds."""
    if not kinds:
        return {}
    return {"List-Unsubscribe": f"<{url(user, kinds)}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}


def read(token: str) -> Link | None:
    """What `token` names; None for anything that was not signed here. A kind of essential mail is never in it."""
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
