"""Encrypt a message for one browser, by RFC 8291 (Message Encryption for Web Push) and RFC 8188 (aes128gcm).

Messages can be padded, because a push service sees the length of an encrypted message.
"""

from __future__ import annotations

import secrets

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.lib.webpush import keys

RECORD_SIZE = 4096  # maximum size of a push in bytes; a push is a single record
OVERHEAD = 16 + 4 + 1 + 65 + 1 + 16  # salt, record size, length of the key, key; delimiter after the text; GCM tag
MAX_LENGTH = RECORD_SIZE - OVERHEAD  # bytes of text
LAST_RECORD = b"\x02"  # the delimiter between the text and its padding


def encrypt(
    text: bytes,
    p256dh: str,
    auth: str,
    *,
    padded_to: int = 0,
    key: ec.EllipticCurvePrivateKey | None = None,
    salt: bytes | None = None,
) -> bytes:
    """Encrypt `text` for one browser, and return the body of the request to the push service.

    `text` is padded to a multiple of `padded_to` bytes. `p256dh` and `auth` are the browser's keys. By default, a new
    `key` and a new `salt` are generated for each message. Pass them only to reproduce the example in the standard.
    Raises ValueError if the browser's keys are invalid or the text is too long.
    """
    if len(text) > MAX_LENGTH:
        raise ValueError(f"a push has at most {MAX_LENGTH} bytes")
    key = key or ec.generate_private_key(ec.SECP256R1())
    salt = salt or secrets.token_bytes(16)
    browser = keys.browser_key(p256dh)
    ours, theirs = keys.public_bytes(key), browser.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    shared = key.exchange(ec.ECDH(), browser)
    material = _derive(shared, keys.browser_secret(auth), b"WebPush: info\0" + theirs + ours, 32)
    content_key = _derive(material, salt, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derive(material, salt, b"Content-Encoding: nonce\0", 12)
    sealed = AESGCM(content_key).encrypt(nonce, text + LAST_RECORD + _padding(len(text), padded_to), None)
    return salt + RECORD_SIZE.to_bytes(4, "big") + bytes([len(ours)]) + ours + sealed


def _padding(length: int, multiple: int) -> bytes:
    missing = -length % multiple if multiple else 0
    return bytes(min(missing, MAX_LENGTH - length))


def _derive(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length, salt, info).derive(secret)
