"""A push service on this machine, and the browsers it serves: it reads what it gets, as only a browser can.

    service = PushService()
    browser = service.browser()            keys and an endpoint of its own
    browser.fields()                       what its page sends to the site
    browser.status = 410                   how it answers pushes to this browser
    service.pushes[0].message              the decrypted JSON
    service.pushes[0].claims               who says to have sent it; the signature was checked

Decrypting follows RFC 8291 from the receiver's end and shares no line with the code under test; the tests check it
against the standard's own example.
"""

from __future__ import annotations

import base64
import json
import secrets
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

CURVE = ec.SECP256R1()
HANGS_UP, HANGS = 0, -1  # statuses of a service that takes a push and says nothing


def text_of(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def bytes_of(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _point(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _hmac(key: bytes, data: bytes) -> bytes:
    made = HMAC(key, SHA256())
    made.update(data)
    return made.finalize()


def decrypt(body: bytes, private: ec.EllipticCurvePrivateKey, auth: bytes) -> bytes:
    """The text of a push, as the browser with this key and secret reads it. Raises InvalidTag for a forged one."""
    salt, size, length = body[:16], int.from_bytes(body[16:20], "big"), body[20]
    sender, sealed = body[21 : 21 + length], body[21 + length :]
    assert len(sealed) <= size, "more than one record"
    shared = private.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(CURVE, sender))
    first = _hmac(_hmac(auth, shared), b"WebPush: info\0" + _point(private.public_key()) + sender + b"\x01")
    second = _hmac(salt, first)
    content_key = _hmac(second, b"Content-Encoding: aes128gcm\0\x01")[:16]
    nonce = _hmac(second, b"Content-Encoding: nonce\0\x01")[:12]
    text = AESGCM(content_key).decrypt(nonce, sealed, None).rstrip(b"\0")
    assert text[-1:] == b"\x02", "no end of the last record"
    return text[:-1]


def verified(header: str) -> tuple[dict[str, Any], str]:
    """The claims of an Authorization header and the key that signed them. Raises InvalidSignature."""
    scheme, _, rest = header.partition(" ")
    assert scheme == "vapid", header
    parts = dict(part.strip().split("=", 1) for part in rest.split(","))
    head, claims, signature = parts["t"].split(".")
    assert json.loads(bytes_of(head)) == {"typ": "JWT", "alg": "ES256"}
    raw = bytes_of(signature)
    numbers = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    key = ec.EllipticCurvePublicKey.from_encoded_point(CURVE, bytes_of(parts["k"]))
    key.verify(numbers, f"{head}.{claims}".encode(), ec.ECDSA(SHA256()))
    return json.loads(bytes_of(claims)), parts["k"]


@dataclass(eq=False)
class PushBrowser:
    """One browser that the service reaches."""

    endpoint: str
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(CURVE))
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    status: int = 201  # 0 (HANGS_UP): takes the push and hangs up; -1 (HANGS): takes it and does not answer

    def fields(self) -> dict[str, str]:
        """What its page sends to the site when it subscribes."""
        keys = {"p256dh": text_of(_point(self.key.public_key())), "auth": text_of(self.secret)}
        return {"endpoint": self.endpoint, **keys}


@dataclass(frozen=True)
class Push:
    """One push as the browser has it."""

    browser: PushBrowser
    headers: dict[str, str]
    body: bytes
    message: dict[str, Any]
    claims: dict[str, Any]
    signed_by: str


class PushService:
    """The service; `tried` counts the requests that were answered with a no, too."""

    def __init__(self) -> None:
        self.pushes: list[Push] = []
        self.tried = 0
        self._browsers: dict[str, PushBrowser] = {}
        service = self

        class Handler(_Handler):
            def take(self, path: str, headers: dict[str, str], body: bytes) -> int:
                return service.take(path, headers, body)

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def browser(self) -> PushBrowser:
        """A browser that has just subscribed here."""
        made = PushBrowser(f"{self.url}/push/{secrets.token_urlsafe(12)}")
        self._browsers[made.endpoint] = made
        return made

    def to(self, browser: PushBrowser) -> list[dict[str, Any]]:
        """The messages one browser got, oldest first."""
        return [push.message for push in self.pushes if push.browser is browser]

    def take(self, path: str, headers: dict[str, str], body: bytes) -> int:
        """Take one push and answer with a status; called by the server."""
        self.tried += 1
        browser = self._browsers.get(self.url + path)
        if browser is None:
            return 404
        if browser.status in {HANGS_UP, HANGS, 201}:
            message = json.loads(decrypt(body, browser.key, browser.secret))
            claims, key = verified(headers["authorization"])
            self.pushes.append(Push(browser, headers, body, message, claims, key))
        while browser.status == HANGS:
            time.sleep(0.05)
        return browser.status


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A sender that was killed meanwhile is no error here."""


class _Handler(BaseHTTPRequestHandler):
    def take(self, path: str, headers: dict[str, str], body: bytes) -> int:
        raise NotImplementedError

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            status = self.take(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            said = b"as told"
        except Exception as error:  # what cannot be read is the sender's fault, and the test's to see
            status, said = 400, f"{type(error).__name__}: {error}".encode()
        if status == HANGS_UP:
            self.close_connection = True
            return
        self.send_response(status)
        if status in {301, 302, 307}:
            self.send_header("Location", f"http://{self.headers['Host']}/elsewhere")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Stay quiet."""
