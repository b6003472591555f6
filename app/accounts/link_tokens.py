"""Tokens of emailed links: their content and lifetime.

A token holds the id and the nonce of a row in `mail_token` or `pending_account`, signed with SECRET_KEY for one
purpose. The row alone (a stolen backup) does not give the link. Using a link deletes its row, which makes it invalid.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from itsdangerous import BadSignature, URLSafeSerializer

from app.models import MailToken, PendingAccount

Purpose = Literal["confirm", "reset", "change_email", "register"]
GOOD_FOR: dict[Purpose, timedelta] = {
    "confirm": timedelta(days=7),
    "reset": timedelta(hours=1),
    "change_email": timedelta(days=1),
    "register": timedelta(days=1),
}
MAX_LENGTH = 400  # characters; our own tokens have half as many


@dataclass(frozen=True)
class LinkToken:
    """The content of a token with a valid signature. The row may no longer exist."""

    purpose: str
    row_id: int
    nonce: str


def _signer(secret: str) -> URLSafeSerializer:
    # No timestamp: the row says when the link expires, and a server's clock may be set back.
    return URLSafeSerializer(
        secret,
        salt="microblog-mail-link",
        signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
    )


def sign(secret: str, row: MailToken | PendingAccount) -> str:
    """Return the token of the link to `row`, safe in a URL."""
    return str(_signer(secret).dumps([row.purpose, row.id, row.nonce]))


def read(secret: str, token: str) -> LinkToken | None:
    """Return the content of `token`, or None if its signature is invalid."""
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
