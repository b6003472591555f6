"""Default avatars for users without an uploaded picture: their initials on a coloured square, as an SVG image."""

from __future__ import annotations

import unicodedata
from hashlib import sha256

import regex
from markupsafe import escape

from app.lib.text.length import first_graphemes
from app.lib.text.names import username_key

# Warm colours with a contrast of at least 5:1 to white letters (WCAG 2.2, 1.4.3 requires 4.5:1).
PALETTE = (
    "#7c4a2d",
    "#3f6f4f",
    "#8a5a44",
    "#40607a",
    "#6d4c8f",
    "#55707a",
    "#9a5b6b",
    "#9a3412",
    "#86552a",
    "#5d6b2f",
    "#7a4468",
    "#2f6b6b",
    "#9c4a3c",
    "#4f5d95",
)

_PART = regex.compile(
    r"[\p{L}\p{N}][\p{L}\p{M}\p{N}\p{Join_Control}]*|\p{Extended_Pictographic}[\uFE0F\u200D\p{M}\p{Emoji_Modifier}\p{Extended_Pictographic}]*"
)
_TWO_INITIALS = regex.compile(r"[\p{Latin}\p{Greek}\p{Cyrillic}\p{Armenian}\p{Hebrew}\p{Georgian}\p{Ethiopic}]")
_HANGUL = regex.compile(r"\p{Hangul}")
# Thai and Lao vowels that are written before their consonant. They are skipped: the consonant is the initial.
_LEADING_VOWEL = regex.compile(r"^[\u0e40-\u0e44\u0ec0-\u0ec4]+(?=\p{L})")
_RIGHT_TO_LEFT = frozenset({"R", "AL"})


def initials(name: str) -> str:
    """Return the initials of `name`: "AL" for "Ada Lovelace", "김민" for "김민수", "王" for "王小明".

    - Latin, Greek, Cyrillic, Armenian, Hebrew, Georgian and Ethiopic: the first letters of the first and the last word
    - Korean: the first two syllables
    - other scripts: the first character

    Return "?" if the name has no letter, number or emoji.
    """
    parts = _PART.findall(unicodedata.normalize("NFC", name[:500]).replace("_", " "))
    if not parts:
        return "?"
    first = parts[0]
    if _HANGUL.match(first):
        return first_graphemes(first, 2)
    if _TWO_INITIALS.match(first) and len(parts) > 1 and _TWO_INITIALS.match(parts[-1]):
        return _initial(first) + _initial(parts[-1])
    return _initial(first)


def _initial(word: str) -> str:
    letter = first_graphemes(_LEADING_VOWEL.sub("", word), 1)
    if len(letter) > 8:  # many combining marks or a long emoji sequence: use only the base character
        letter = letter[0]
    # Use the capital letter, except if it has two letters (ß becomes SS), or in Georgian: few fonts have its capitals.
    upper = letter.upper()
    return upper if len(upper) == len(letter) and not "\u10d0" <= letter[0] <= "\u10ff" else letter


def drawn_avatar_svg(username: str, name: str) -> str:
    """Return a square SVG image with the initials of `name` or, if `name` is empty, of `username`.

    The colour depends only on the normalised username, so "Ada" and "ada" have the same colour.
    """
    letters = initials(name or username)
    colour = PALETTE[int.from_bytes(sha256(username_key(username).encode()).digest()[:4]) % len(PALETTE)]
    direction = "rtl" if unicodedata.bidirectional(letters[0]) in _RIGHT_TO_LEFT else "ltr"
    size = 46 if len(letters) == 1 else 38
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 96 96" width="96" height="96">'
        f'<rect width="96" height="96" fill="{colour}"/>'
        f'<text x="48" y="48" dy=".36em" direction="{direction}" text-anchor="middle" fill="#fff"'
        f' font-family="Inter, system-ui, sans-serif" font-size="{size}" font-weight="600">'
        f"{escape(letters)}</text>"
        "</svg>"
    )
