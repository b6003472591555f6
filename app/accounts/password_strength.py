"""Estimate the strength of a password with zxcvbn, in limited time.

zxcvbn (Wheeler, "zxcvbn: Low-Budget Password Strength Estimation", USENIX Security 2016) estimates how many guesses an
attacker needs. The attacker is assumed to know common passwords, words, names, dates, keyboard patterns and repeats.

zxcvbn's running time grows with the length of the password, and with the number of symbols that may stand for letters,
such as "@" for "a". A malicious password of 72 characters takes six seconds. This module limits both numbers. The
slowest password that we found then takes about 0.2 s.

The function `zxcvbn.zxcvbn()` stores the user's words in a global variable, which is not thread-safe, and its
explanations cannot be translated. So this module calls zxcvbn's matcher and scorer directly.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import regex
from zxcvbn.matching import L33T_TABLE, RANKED_DICTIONARIES, build_ranked_dict, omnimatch
from zxcvbn.scoring import most_guessable_match_sequence

from app.lib.text.search import PLAIN_LETTERS

Weakness = Literal["own_words", "common", "word", "keyboard", "repeat", "sequence", "date", "short"]

MIN_GUESSES = 10**8
"""The minimum number of guesses for an acceptable password. Login attempts are limited, so an attacker can't make as
many. zxcvbn calls such a password "somewhat guessable". Eight random characters just reach this number."""
MAX_ANALYZED_LENGTH = 40
"""Only the first characters of a password are analyzed, to limit the cost. The rest does not make it stronger."""
MAX_SYMBOLS = 3
"""The maximum number of different symbols that may stand for letters ("@" for "a"). zxcvbn tries all combinations."""
MIN_OWN_WORD_LENGTH = 3
"""Shorter words in the user's name or address are ignored."""

_SYMBOLS = frozenset(char for group in L33T_TABLE.values() for char in group if not char.isdigit())
_WORD = regex.compile(r"[\p{L}\p{M}\p{Nd}]+")
_NEUTRAL = 0xE000  # the first private-use character: it is in no dictionary and on no keyboard


@dataclass(frozen=True)
class Estimate:
    """The number of guesses that an attacker needs to find a password, and the password's main weakness."""

    guesses: float
    weakness: Weakness

    @property
    def is_enough(self) -> bool:
        """Whether the password is strong enough to be used."""
        return self.guesses >= MIN_GUESSES


def estimate(password: str, own_words: Iterable[str] = ()) -> Estimate:
    """Estimate how many guesses an attacker needs to find `password`.

    The attacker is assumed to know `own_words`, such as the user's name and email address, and their parts. Takes about
    5 ms, at worst 0.2 s.
    """
    judged = _without_many_symbols(password[:MAX_ANALYZED_LENGTH])
    own = build_ranked_dict(_pieces(own_words))
    matches = omnimatch(judged, {**RANKED_DICTIONARIES, "user_inputs": own})
    result = most_guessable_match_sequence(judged, matches)
    longest = max(result["sequence"], key=lambda match: len(match["token"]))
    return Estimate(float(result["guesses"]), _weakness(longest))


def _pieces(words: Iterable[str]) -> list[str]:
    """Return the forms in which people use their own words in passwords, in lower case and without duplicates.

    For "Maria.López@example.org", these forms are: the whole text, the text on each side of the "@", each word, and
    each side without punctuation ("marialópez"). Each form is also returned without accents.
    """
    found: dict[str, None] = {}
    for phrase in words:
        for lower in (phrase.lower(), _without_accents(phrase.lower())):
            sides = lower.split("@")
            parts = [part for side in sides for part in _WORD.findall(side)]
            joined = ["".join(_WORD.findall(side)) for side in sides]
            # Only the first MAX_ANALYZED_LENGTH characters of a password are analyzed, so longer pieces are cut, too.
            for piece in (lower, *sides, *joined, *parts):
                if len(piece) >= MIN_OWN_WORD_LENGTH:
                    found[piece[:MAX_ANALYZED_LENGTH]] = None
    return list(found)


def _without_accents(text: str) -> str:
    decomposed = unicodedata.normalize("NFD", text.casefold()).translate(PLAIN_LETTERS)
    return "".join(char for char in decomposed if not unicodedata.combining(char))


def _without_many_symbols(password: str) -> str:
    """Keep the first MAX_SYMBOLS different symbols of a password. Replace all others with private-use characters.

    This limits zxcvbn's running time, which grows with the number of symbols. The same symbol is always replaced with
    the same character, so that zxcvbn still finds repeats.
    """
    symbols = [char for char in dict.fromkeys(password) if char in _SYMBOLS]
    return password.translate({ord(char): _NEUTRAL + number for number, char in enumerate(symbols[MAX_SYMBOLS:])})


def _weakness(match: dict[str, object]) -> Weakness:
    """Return the kind of weakness for `match`, a pattern that zxcvbn has found in a password."""
    kinds: dict[object, Weakness] = {
        "spatial": "keyboard",
        "repeat": "repeat",
        "sequence": "sequence",
        "regex": "date",
        "date": "date",
    }
    if match["pattern"] == "dictionary":
        dictionary = match["dictionary_name"]
        if dictionary == "user_inputs":
            return "own_words"
        return "common" if dictionary == "passwords" else "word"
    return kinds.get(match["pattern"], "short")
