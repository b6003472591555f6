"""Sign texts and verify signatures with the site's Ed25519 key (RFC 8032).

The key is derived from SECRET_KEY with HKDF (RFC 5869). So all hosts of a site have the same key, and access to the
database alone is not enough to sign. Anyone can verify a signature with the public key. After SECRET_KEY has changed,
older signatures can be verified only if the old value is in FORMER_SECRET_KEYS.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from flask import current_app

PURPOSE = b"microblog: evidence of reports"


@dataclass(frozen=True)
class Signature:
    """A signature in Base64, and the id of the key that made it."""

    value: str
    key_id: str


class UnknownKeyError(LookupError):
    """Raised for a signature whose key can be derived neither from SECRET_KEY nor from FORMER_SECRET_KEYS."""


def sign(text: bytes) -> Signature:
    """Sign `text` with the site's key."""
    key = _private_key(current_app.config["SECRET_KEY"])
    return Signature(base64.b64encode(key.sign(text)).decode(), _id_of(key.public_key()))


def is_signed(text: bytes, signature: Signature) -> bool:
    """Return whether `signature` is valid for `text`. Raises UnknownKeyError if the signature's key is unknown."""
    try:
        _public_key(signature.key_id).verify(base64.b64decode(signature.value), text)
    except (InvalidSignature, ValueError):
        return False
    return True


def public_key(key_id: str) -> str:
    """Return the public key with that id, as 32 bytes in Base64. Raises UnknownKeyError if the id is unknown."""
    return base64.b64encode(_public_key(key_id).public_bytes_raw()).decode()


def _public_key(key_id: str) -> Ed25519PublicKey:
    for secret in _secrets():
        key = _private_key(secret).public_key()
        if _id_of(key) == key_id:
            return key
    raise UnknownKeyError(key_id)


def _secrets() -> Iterator[str]:
    yield current_app.config["SECRET_KEY"]
    yield from current_app.config["FORMER_SECRET_KEYS"]


@lru_cache(maxsize=16)
def _private_key(secret: str) -> Ed25519PrivateKey:
    seed = HKDF(SHA256(), length=32, salt=None, info=PURPOSE).derive(secret.encode())
    return Ed25519PrivateKey.from_private_bytes(seed)


def _id_of(key: Ed25519PublicKey) -> str:
    """Return the id of a key: the first 64 bits of its SHA-256, in hex."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16]
