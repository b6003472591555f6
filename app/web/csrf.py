"""CSRF tokens that look different in every response.

Pages are compressed. If a compressed page contains a secret and also text that an attacker chooses, the length of the
response can reveal the secret (the BREACH attack). Therefore, each response masks the token with random bytes, as in
Django (docs/decisions/0018-compression.md).
"""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode

from flask import Flask, g
from flask_wtf import FlaskForm
from flask_wtf.csrf import CSRFProtect, _FlaskFormCSRF, generate_csrf


def mask(token: str) -> str:
    """Return `token` in a masked form, which is different on each call.

    The masked form consists of random bytes, followed by `token` XORed with these bytes. It is encoded in URL-safe
    Base64.
    """
    plain = token.encode()
    noise = secrets.token_bytes(len(plain))
    return urlsafe_b64encode(noise + _xor(noise, plain)).decode()


def unmask(text: str) -> str:
    """Return the token whose masked form is `text`. If `text` is not a masked token, return it unchanged."""
    if "." in text:  # itsdangerous separates its parts with dots; a masked token contains none
        return text
    try:
        both = urlsafe_b64decode(text.encode())
        noise, rest = both[: len(both) // 2], both[len(both) // 2 :]
        return _xor(noise, rest).decode()
    except ValueError:
        return text


def masked_token() -> str:
    """Return the masked CSRF token of this response.

    All forms of a page contain the same masked token, so that the page compresses well.
    """
    if "masked_csrf_token" not in g:
        g.masked_csrf_token = mask(generate_csrf())
    token: str = g.masked_csrf_token
    return token


def _xor(one: bytes, other: bytes) -> bytes:
    if len(one) != len(other):
        raise ValueError("the two halves of a masked token have the same length")
    return (int.from_bytes(one) ^ int.from_bytes(other)).to_bytes(len(one))


class FormCSRF(_FlaskFormCSRF):
    """Flask-WTF's CSRF protection of a form, with masked tokens."""

    def generate_csrf_token(self, csrf_token_field: object) -> str:
        return masked_token()


class MaskedCSRFProtect(CSRFProtect):
    """Flask-WTF's CSRF protection of an app, with masked tokens in templates, forms and headers."""

    def init_app(self, app: Flask) -> None:
        super().init_app(app)
        FlaskForm.Meta.csrf_class = FormCSRF
        app.jinja_env.globals["csrf_token"] = masked_token
        app.context_processor(lambda: {"csrf_token": masked_token})

    def _get_csrf_token(self) -> str | None:
        token = super()._get_csrf_token()
        return unmask(token) if token else None


csrf = MaskedCSRFProtect()
