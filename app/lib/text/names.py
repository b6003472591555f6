"""Rules for usernames, and the keys that make usernames and email addresses unique.

A username has three forms. The *display form* is what the user typed, normalised. The *key* is the same for names that
differ only in case or compatibility form. The *skeleton* is the same for names that look alike. The database allows
each key and each skeleton only once.
"""

from __future__ import annotations

import unicodedata
from typing import Literal

import regex
from email_validator import EmailNotValidError, validate_email

from app.lib.text.length import grapheme_count
from app.lib.text.lookalikes import skeleton
from app.lib.text.reserved import LOOKALIKE_RESERVED, RESERVED

USERNAME_MIN = 2
"""The minimum length of a username in grapheme clusters."""
USERNAME_MAX = 30
"""The maximum length of a username in grapheme clusters."""
USERNAME_POINTS = 64
"""The maximum number of code points of a username, and of its key."""
SKELETON_POINTS = 128
"""The maximum number of code points of a skeleton. It is the width of the database column."""
EMAIL_OCTETS = 254
"""The maximum length of an email address in UTF-8 octets (RFC 5321, 4.5.3.1.3, without the angle brackets)."""

Code = Literal["length", "characters", "scripts", "reserved"]


class InvalidName(ValueError):
    """The error for a username or email address that is not allowed.

    `code` is the violated rule. Forms show a message for it.
    """

    def __init__(self, code: Code) -> None:
        super().__init__(code)
        self.code: Code = code


# Table 5 of Unicode Standard Annex 31, "recommended scripts": the scripts in everyday modern use.
_RECOMMENDED = """
Arabic Armenian Bengali Bopomofo Cyrillic Devanagari Ethiopic Georgian Greek Gujarati Gurmukhi Han
Hangul Hebrew Hiragana Kannada Katakana Khmer Lao Latin Malayalam Myanmar Oriya Sinhala Tamil Telugu
Thaana Thai Tibetan
"""
# UTS 39, section 5.1: writing systems that use several scripts count as one.
_MIXED = ("Han Hiragana Katakana", "Han Hangul", "Han Bopomofo")
_ONE_SCRIPT = [
    regex.compile("[" + "".join(rf"\p{{scx={script}}}" for script in group.split()) + r"\p{Inherited}]+")
    for group in (*_RECOMMENDED.split(), *_MIXED)
]

_CATEGORIES = frozenset({"Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Nd"})
# Invisible letters, modifier letters, small capitals and other phonetic forms, underlines and strokes through letters,
# and the Arabic tatweel: names don't need them, but they help to imitate other names. Links are underlined, too.
_REFUSED = regex.compile(
    "[ɢɪɴɶʀʏʙʛʜʟ\u02b0-\u02ff\u0332-\u0338\u0347\u035c-\u0362\u0640\u1d00-\u1dbf\u2c60-\u2c7f\ua720-\ua7ff\uab30-\uab6f]"
    r"|\p{Default_Ignorable_Code_Point}|[\U0001df00-\U0001dfff]"
)
_STACKED = regex.compile(r"[\p{Latin}\p{Greek}\p{Cyrillic}]\p{M}{3}|\p{M}{5}")
_SHAPE = regex.compile(r"[\p{L}\p{Nd}](?s:.)*(?<!-)")
_UNSAFE = regex.compile(r"[\p{Cc}\p{Cs}]")
_NOT_IN_SMTP = regex.compile(r"[\s<>()\[\],;:\\\"\p{Cc}\p{Cs}]|@.*@")
_TOO_LONG_TO_READ = 1000


def _nfkc(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


def _caseless(text: str) -> str:
    """Return the text in compatibility caseless form (Unicode Standard, definition D146).

    Any text is accepted, and a second call changes nothing. Control characters and lone surrogates become U+FFFD,
    because databases may reject them. A text that is too long becomes a single U+FFFD. No name in the database contains
    U+FFFD, so a search for such a text finds nothing.
    """
    if len(text) > _TOO_LONG_TO_READ:
        return "\ufffd"
    once = unicodedata.normalize("NFKD", unicodedata.normalize("NFD", _UNSAFE.sub("\ufffd", text)).casefold())
    return _nfkc(unicodedata.normalize("NFKD", once.casefold()))


def username_key(name: str) -> str:
    """Return the key of a username, which is unique and used to find the user. Any text is accepted.

    Names that differ only in case or compatibility form have the same key. Surrounding spaces are removed.
    """
    return _caseless(name).strip()


def username_skeleton(name: str) -> str:
    """Return the skeleton of a username in display form.

    Names that look alike have the same skeleton. It must not be displayed.
    """
    return skeleton(_UNSAFE.sub("\ufffd", name[:_TOO_LONG_TO_READ]))


def check_username(raw: str) -> str:
    """Check a username, and return its display form: NFKC-normalised and trimmed.

    The name must have 2 to 30 characters: letters of one script, digits, hyphens and underscores. It must begin with a
    letter or digit, and not end with a hyphen. Raises InvalidName with the code "length", "characters", "scripts" or
    "reserved". The caller must check whether the name is taken.
    """
    if len(raw) > _TOO_LONG_TO_READ:
        raise InvalidName("length")
    name = _nfkc(raw).strip()
    if not USERNAME_MIN <= grapheme_count(name) <= USERNAME_MAX or len(name) > USERNAME_POINTS:
        raise InvalidName("length")
    if not _has_allowed_characters(name):
        raise InvalidName("characters")
    if not _has_one_script(name):
        raise InvalidName("scripts")
    key, look = username_key(name), username_skeleton(name)
    if len(key) > USERNAME_POINTS or len(look) > SKELETON_POINTS:
        raise InvalidName("length")
    if key in RESERVED or look in LOOKALIKE_RESERVED:
        raise InvalidName("reserved")
    return name


def _has_allowed_characters(name: str) -> bool:
    return (
        all(char in "_-" or unicodedata.category(char) in _CATEGORIES for char in name)
        and not _REFUSED.search(name)
        and not _STACKED.search(name)
        and _SHAPE.fullmatch(name) is not None
    )


def _has_one_script(name: str) -> bool:
    """Return whether all letters are of one writing system, and all digits of one numbering system.

    ASCII digits can be used with any writing system.
    """
    digits = {ord(char) - unicodedata.digit(char) for char in name if unicodedata.category(char) == "Nd"}
    letters = "".join(char for char in name if char not in "_-" and not ("0" <= char <= "9"))
    return len(digits) <= 1 and (not letters or any(script.fullmatch(letters) for script in _ONE_SCRIPT))


def check_email(raw: str) -> str:
    """Check an email address, and return it trimmed and normalised. The result is safe in an email header.

    The address must be a plain address with a public domain name. Quoted names and address literals are not allowed.
    Raises InvalidName with the code "length" if the address has more than 254 octets, or with the code "characters" if
    it breaks another rule.
    """
    address = raw.strip(" ")
    if len(address.encode("utf-8", "replace")) > EMAIL_OCTETS:
        raise InvalidName("length")
    try:
        normal = validate_email(address, check_deliverability=False).normalized
    except EmailNotValidError as error:
        raise InvalidName("characters") from error
    if len(normal.encode()) > EMAIL_OCTETS:
        raise InvalidName("length")
    return normal


def smtp_address(address: str) -> str:
    """Return an email address in the form for SMTP, with its domain in ASCII (IDNA 2008).

    Domains without a dot, such as localhost, are accepted, because the operator's addresses may have one. Raises
    InvalidName with the code "characters" for an invalid address.
    """
    local, _at, domain = address.rpartition("@")
    if _NOT_IN_SMTP.search(address) or not local or not domain:
        raise InvalidName("characters")
    if domain.isascii():
        return address
    try:
        return f"{local}@{validate_email(address, check_deliverability=False).ascii_domain}"
    except EmailNotValidError as error:
        raise InvalidName("characters") from error


def email_key(address: str) -> str:
    """Return the key of an email address, which is unique and used to find the user. Any text is accepted.

    Addresses that differ only in case or compatibility form have the same key. RFC 5321 allows the part before the @ to
    be case-sensitive, but real mailboxes are not. Two accounts whose addresses differ only in case would be a mistake
    or an attack.
    """
    return _caseless(address).strip()
