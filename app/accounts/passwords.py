"""Passwords: the rules for new ones, hashing, and verification.

A password needs at least 8 characters and must not be easy to guess. Digits, capital letters and symbols are not
required (NIST SP 800-63B, 3.1.1.2). Lengths are checked before hashing, so that a huge password costs no CPU time.
Verification takes the same time for known and unknown users.
"""

from __future__ import annotations

import unicodedata
from functools import cache

from werkzeug.security import check_password_hash, generate_password_hash

from app.accounts.errors import FormError
from app.accounts.password_strength import Weakness, estimate
from app.core.exceptions import Sentence
from app.core.i18n import _l, _ln
from app.models import User

MIN_LENGTH = 8  # characters
MAX_LENGTH = 1024  # characters
SITE_WORDS = ("microblog",)
METHOD = "scrypt:32768:8:1"  # 32 MB and about 50 ms; the tests use a faster one

WEAKNESS_MESSAGES: dict[Weakness, Sentence] = {
    "own_words": _l(
        "This password is easy to guess because it contains your username or email address. Please choose another."
    ),
    "common": _l("This password is easy to guess because it's similar to a common password. Please choose another."),
    "word": _l("A single word or name is easy to guess. Use three or four unrelated words."),
    "keyboard": _l("Neighboring keys are easy to guess. Use a few unrelated words."),
    "repeat": _l("Repeated characters or words are easy to guess. Use a few unrelated words."),
    "sequence": _l("Sequences like abc or 6543 are easy to guess. Use a few unrelated words."),
    "date": _l("Dates and years are easy to guess. Use a few unrelated words."),
    "short": _l("This password is easy to guess. Make it longer by adding a few unrelated words."),
}


def normalize(password: str) -> str:
    """Return `password` in a normal form, because keyboards encode letters differently (RFC 8265, OpaqueString)."""
    spaced = "".join(" " if unicodedata.category(char) == "Zs" else char for char in password)
    return unicodedata.normalize("NFC", spaced)


def check(password: str, *, username: str, email: str, name: str = "", field: str = "password") -> None:
    """Raise FormError if `password` is too short, too long or easy to guess.

    A password that contains the account's username, email address or display name counts as easy to guess. The error is
    shown at the form field `field`.
    """
    fault = _fault(password, (username, email, name))
    if fault is not None:
        raise FormError({field: fault})


def check_for(user: User, password: str) -> None:
    """Raise FormError if `check` rejects `password` for the account of `user`."""
    check(password, username=user.username, email=user.email, name=user.name)


def _fault(password: str, own_words: tuple[str, ...]) -> Sentence | None:
    if len(password) < MIN_LENGTH:
        return _ln(
            "Passwords must be at least %(num)s character long.",
            "Passwords must be at least %(num)s characters long.",
            MIN_LENGTH,
        )
    if len(password) > MAX_LENGTH:
        return _ln(
            "Passwords can be at most %(num)s character long.",
            "Passwords can be at most %(num)s characters long.",
            MAX_LENGTH,
        )
    found = estimate(normalize(password), (*own_words, *SITE_WORDS))
    return None if found.is_enough else WEAKNESS_MESSAGES[found.weakness]


def hash_password(password: str) -> str:
    """Return a salted scrypt hash. Hashing takes about 50 ms, so call this without an open transaction."""
    return generate_password_hash(normalize(password), METHOD)


def verify(password_hash: str | None, password: str) -> bool:
    """Return whether `password` matches the hash. Verification is slow on purpose, like hashing.

    If `password_hash` is None (an unknown user), return False after the same time.
    """
    nobody = _dummy_hash()
    if len(password) > MAX_LENGTH:
        return False
    return check_password_hash(password_hash or nobody, normalize(password)) and password_hash is not None


@cache
def _dummy_hash() -> str:
    return generate_password_hash("a password that nobody has", METHOD)
