"""Keys on the curve P-256 as the standards write them: base64url without padding."""

from __future__ import annotations

import base64
import binascii
from functools import cache

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

AUTH_LENGTH = 16  # bytes of the secret a browser gives along with its public key (RFC 8291, section 3.2)


def encode(data: bytes) -> str:
    """Bytes as base64url."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """The bytes in base64url, padded or not. Raises ValueError for anything else."""
    bare = text.rstrip("=")
    try:
        data = base64.b64decode(bare + "=" * (-len(bare) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("not base64url") from error
    return data


def new_private_key() -> str:
    """A private key for a server: browsers that subscribe are bound to its public half."""
    number = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
    return encode(number.to_bytes(32, "big"))


@cache
def private_key(text: str) -> ec.EllipticCurvePrivateKey:
    """The server's key: 32 bytes of a number on the curve. Raises ValueError."""
    data = decode(text)
    if len(data) != 32:
        raise ValueError("a private key has 32 bytes")
    return ec.derive_private_key(int.from_bytes(data, "big"), ec.SECP256R1())


def is_private_key(text: str) -> bool:
    """Whether the text is a server's key."""
    try:
        private_key(text)
    except ValueError:
        return False
    return True


def public_bytes(key: ec.EllipticCurvePrivateKey) -> bytes:
    """The public half as an uncompressed point: 65 bytes."""
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


@cache
def public_key(private: str) -> str:
    """The public half of a server's key, as text for a browser. Raises ValueError."""
    return encode(public_bytes(private_key(private)))


def browser_key(text: str) -> ec.EllipticCurvePublicKey:
    """A browser's public key. Raises ValueError when it is no uncompressed point of the curve."""
    data = decode(text)
    if len(data) != 65 or data[0] != 4:
        raise ValueError("a public key is an uncompressed point of 65 bytes")
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), data)


def browser_secret(text: str) -> bytes:
    """A browser's shared secret. Raises ValueError when it has not 16 bytes."""
    data = decode(text)
    if len(data) != AUTH_LENGTH:
        raise ValueError("a shared secret has 16 bytes")
    return data
