"""Create and parse P-256 keys.

Keys are stored as text in base64url without padding, as the standards for Web Push require.
"""

from __future__ import annotations

import base64
import binascii
from functools import cache

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

AUTH_LENGTH = 16  # bytes of the secret that a browser sends with its public key (RFC 8291, section 3.2)


def encode(data: bytes) -> str:
    """Encode bytes as base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """Decode base64url, padded or not. Raises ValueError for anything else."""
    bare = text.rstrip("=")
    try:
        data = base64.b64decode(bare + "=" * (-len(bare) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("not base64url") from error
    return data


def new_private_key() -> str:
    """Generate a private key for a server, in base64url. Browsers subscribe with its public key."""
    number = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
    return encode(number.to_bytes(32, "big"))


@cache
def private_key(text: str) -> ec.EllipticCurvePrivateKey:
    """Parse a server's private key from base64url. Raises ValueError if it is invalid."""
    data = decode(text)
    if len(data) != 32:
        raise ValueError("a private key has 32 bytes")
    return ec.derive_private_key(int.from_bytes(data, "big"), ec.SECP256R1())


def is_private_key(text: str) -> bool:
    """Return whether the text is a valid private key."""
    try:
        private_key(text)
    except ValueError:
        return False
    return True


def public_bytes(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return the public key for a private key, as an uncompressed point of 65 bytes."""
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


@cache
def public_key(private: str) -> str:
    """Return the public key for a private key, both in base64url. Raises ValueError if the private key is invalid."""
    return encode(public_bytes(private_key(private)))


def browser_key(text: str) -> ec.EllipticCurvePublicKey:
    """Parse a browser's public key from base64url. Raises ValueError if it isn't an uncompressed P-256 point."""
    data = decode(text)
    if len(data) != 65 or data[0] != 4:
        raise ValueError("a public key is an uncompressed point of 65 bytes")
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), data)


def browser_secret(text: str) -> bytes:
    """Parse a browser's shared secret from base64url. Raises ValueError if it does not have 16 bytes."""
    data = decode(text)
    if len(data) != AUTH_LENGTH:
        raise ValueError("a shared secret has 16 bytes")
    return data
