"""Passwords: which ones may be chosen, and checking one at a cost that tells nothing.

Length counts and composition does not (NIST SP 800-63B, 5.1.1.2): at least 8 characters, none of those that
everybody tries first. Lengths are looked at before anything is hashed, so a huge one costs nothing.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from pathlib import Path

from werkzeug.security import check_password_hash, generate_password_hash

from app.accounts.refusals import FormRefused
from app.errors import Sentence
from app.i18n import _l
from app.text.names import email_key, username_key

LEAST = 8  # characters
MOST = 1024  # characters
FEWEST_DIFFERENT = 3  # "aaaaaaaa" and "abababab" are no passwords

_COMMON = frozenset((Path(__file__).parent / "common_passwords.txt").read_text("utf-8").split())


def tidy(password: str) -> str:
    """One form of a password, however a keyboard composes its letters (RFC 8265, OpaqueString)."""
    spaced = "".join(" " if unicodedata.category(char) == "Zs" else char for char in password)
    return unicodedata.normalize("NFC", spaced)


def check(password: str, *, username: str, email: str, field: str = "password") -> None:
    """Raise FormRefused, at `field`, when the account of that name and address may not use `password`."""
    fault = _fault(password, username, email)
    if fault is not None:
        raise FormRefused({field: fault})


def _fault(password: str, username: str, email: str) -> Sentence | None:
    fault: Sentence | None = None
    folded = tidy(password[:MOST]).casefold()
    names = {username.casefold(), username_key(username), email.casefold(), email_key(email)}
    if len(password) < LEAST:
        fault = _l("A password has at least %(least)d characters.", least=LEAST)
    elif len(password) > MOST:
        fault = _l("A password has at most %(most)d characters.", most=MOST)
    elif folded in names or folded == email.partition("@")[0].casefold():
        fault = _l("Your name or address is the first thing anybody would try. Choose another.")
    elif folded in _COMMON or len(set(folded)) < FEWEST_DIFFERENT:
        fault = _l("This password is on every list of common passwords. Choose another.")
    return fault


def hashed(password: str) -> str:
    """A salted scrypt hash. It takes some 50 ms: let no transaction be open meanwhile."""
    return generate_password_hash(tidy(password))


def matches(password_hash: str | None, password: str) -> bool:
    """Whether `password` is the one that was hashed; for nobody (None) False, at the same cost.

    Slow on purpose, as `hashed` is.
    """
    nobody = _nobodys_hash()
    if len(password) > MOST:
        return False
    return check_password_hash(password_hash or nobody, tidy(password)) and password_hash is not None


@cache
def _nobodys_hash() -> str:
    return generate_password_hash("a password that nobody has")
