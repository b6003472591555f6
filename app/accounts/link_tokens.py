"""Links sent by mail: what is in them, and how long they are good.

A link carries the id and the nonce of a row in `mail_token`, signed with SECRET_KEY for one purpose. The row alone
(a stolen backup) does not give the link, and the link is worth nothing once its row is gone: using it deletes the row.
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
MAX_LENGTH = 400  # characters of a link's token; ours have half as many


@dataclass(frozen=True)
class LinkToken:
    """What a genuine link names. Whether the row is still there is another question."""

    purpose: str
    row_id: int
    nonce: str


def _signer(secret: str) -> URLSafeSerializer:
    # No timestamp: the row says when the link ends, and a server's clock may be set back.
    return URLSafeSerializer(
        secret,
        salt="microblog-mail-link",
        signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
    )


def sign(secret: str, row: MailToken | PendingAccount) -> str:
    """The token of the link to `row`, safe in a URL."""
    return str(_signer(secret).dumps([row.purpose, row.id, row.nonce]))


def read(secret: str, token: str) -> LinkToken | None:
    """What `token` names; None for anything that was not signed here."""
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
