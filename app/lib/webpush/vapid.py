"""The Authorization header that identifies the sender to a push service: RFC 8292 (VAPID).

The header contains a JWT, signed with the server's private key. A browser subscribes with the matching public key, so
the push service accepts pushes to this browser only from this server.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from app.lib.webpush import keys

GOOD_FOR = timedelta(hours=12)  # the standard allows 24 hours; less, in case the clock of this machine is wrong


def authorization(endpoint: str, private: str, contact: str, moment: datetime) -> str:
    """Return the Authorization header for a push to `endpoint`.

    `private` is the server's private key, `contact` is a mailto: or https: URL of the sender, and `moment` is the
    current time.
    """
    parts = urlsplit(endpoint)
    claims = {
        "aud": f"{parts.scheme}://{parts.netloc}",
        "exp": int((moment + GOOD_FOR).timestamp()),
        "sub": contact,
    }
    signed = f"{_part({'typ': 'JWT', 'alg': 'ES256'})}.{_part(claims)}"
    signature = keys.private_key(private).sign(signed.encode(), ec.ECDSA(SHA256()))
    r, s = decode_dss_signature(signature)
    plain = r.to_bytes(32, "big") + s.to_bytes(32, "big")  # JWS uses the two numbers, not ASN.1 (RFC 7518, 3.4)
    return f"vapid t={signed}.{keys.encode(plain)}, k={keys.public_key(private)}"


def _part(content: dict[str, Any]) -> str:
    return keys.encode(json.dumps(content, separators=(",", ":")).encode())
