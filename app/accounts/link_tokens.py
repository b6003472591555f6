"""The tokens in emailed links: their content, signature and lifetime.

A token contains the purpose, id and nonce of a row in `mail_token` or `pending_account`, signed with SECRET_KEY.
Someone who steals the database can't create links, because the database does not contain SECRET_KEY. Using a link
deletes its row, so each link works once.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from itsdangerous import BadSignature, URLSafeSerializer

from app.models import MailToken, PendingAccount

Purpose = Literal["confirm", "reset", "change_email", "register"]
LIFETIMES: dict[Purpose, timedelta] = {
    "confirm": timedelta(days=7),
    "reset": timedelta(hours=1),
    "change_email": timedelta(days=1),
    "register": timedelta(days=1),
}
MAX_LENGTH = 400  # characters; real tokens are half as long


@dataclass(frozen=True)
class LinkToken:
    """The content of a token with a valid signature: the purpose, id and nonce of a row.

    If the link was used or replaced, the row no longer exists.
    """

    purpose: str
    row_id: int
    nonce: str


def _signer(secret: str) -> URLSafeSerializer:
    # The row stores when the link expires. A token with a timestamp would be rejected if the clock was set back.
    return URLSafeSerializer(
        secret,
        salt="microblog-mail-link",
        signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
    )


def sign(secret: str, row: MailToken | PendingAccount) -> str:
    """Return the signed token for `row`. It contains only characters that are safe in a URL."""
    return str(_signer(secret).dumps([row.purpose, row.id, row.nonce]))


def read(secret: str, token: str) -> LinkToken | None:
    """Return the content of `token`, or None if the token is invalid."""
    if len(token) > MAX_LENGTH:
        return None
    try:
        content = _signer(secret).loads(token)
    except (BadSignature, ValueError):
        return None
    match content:
        case [str(purpose), int(row_id), str(nonce)] if 0 < row_id < 2**31:
            return LinkToken(purpose, row_id, nonce)
    return None
