"""Search text: the words of a text in a form that SQLite and PostgreSQL can both index, for every script.

`search_text(body)` returns the words, separated by single spaces. The result is stored in a column next to the text.
Words are folded, so that "ecole" finds "École" and "strasse" finds "Straße". A hashtag or mention is found by its
words. An emoji or a flag is a word.

Text in a script without spaces between words is split into overlapping pairs of characters. The last character is also
a word of its own. Therefore, any part of such a text can be found. Korean is split in the same way, because its
particles attach to words.

`query_terms(q)` parses a query by the same rules. A text matches if it contains all terms.

The databases must not split these words again by their own rules, because the results would differ. The indexes and
queries below prevent this.

SQLite, with `fts5_match(terms)` as :query:

    CREATE VIRTUAL TABLE post_search USING fts5(search_text, tokenize = 'ascii', prefix = '1 2 3 …')
    ... WHERE post_search MATCH :query

The `ascii` tokenizer treats every non-ASCII character as part of a word. `unicode61` would split Indic words at their
vowel signs, and only knows the letters of an old Unicode version.

PostgreSQL, with `tsquery(terms)` as :query:

    CREATE INDEX ... USING gin (array_to_tsvector(string_to_array(search_text, ' ')))
    ... WHERE array_to_tsvector(string_to_array(search_text, ' ')) @@ CAST(:query AS tsquery)

This avoids PostgreSQL's text search parser, which has rules for numbers, addresses and hyphens. `array_to_tsvector` and
`string_to_array` are IMMUTABLE, so the expression can be used in an index or a generated column.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import regex

from app.lib.text.length import stream_safe
from app.lib.text.scripts import UNSPACED

MAX_TERMS = 20
"""The maximum number of terms in a query. Further terms are ignored."""
MAX_TERM = 64
"""The maximum length of a word. Further characters of the word are ignored, in texts and in queries."""
_MAX_QUERY = 2000
_MIN_PREFIX = 2


class Term(NamedTuple):
    """A term that a text must contain: the word `text` or, with `prefix`, any word that begins with it."""

    text: str
    prefix: bool


# Letters that Unicode does not decompose to their plain form.
PLAIN_LETTERS = str.maketrans(
    {
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "ı": "i",
        "æ": "ae",
        "œ": "oe",
        "ð": "d",
        "þ": "th",
        "ħ": "h",
        "ŧ": "t",
    }
    # Variants of a letter on Arabic, Persian and Urdu keyboards; and the tatweel, which is removed.
    | {"\u06cc": "\u064a", "\u0649": "\u064a", "\u06a9": "\u0643", "\u0640": ""}
)
_INVISIBLE = regex.compile(r"\p{Default_Ignorable_Code_Point}+")
# Accents and vowel points, only in scripts where they are optional. In other scripts, marks are vowels or consonants.
_ACCENTS = regex.compile(r"(?<=[\p{Latin}\p{Greek}\p{Cyrillic}\p{Arabic}\p{Hebrew}])\p{Mn}+")
WORD = regex.compile(r"[\p{L}\p{N}][\p{L}\p{M}\p{N}]*|\p{Regional_Indicator}{2}|\p{Extended_Pictographic}")
"""A word, a flag or another emoji."""
_UNSPACED = regex.compile(f"([{UNSPACED}]+)")


def _fold(text: str) -> str:
    visible = _INVISIBLE.sub("", unicodedata.normalize("NFKC", stream_safe(text)))
    lower = unicodedata.normalize("NFKC", visible.casefold()).casefold().translate(PLAIN_LETTERS)
    plain = _ACCENTS.sub("", unicodedata.normalize("NFD", lower))
    if plain.isascii():
        return plain
    digits = "".join(str(unicodedata.digit(c)) if unicodedata.category(c) == "Nd" else c for c in plain)
    return unicodedata.normalize("NFC", digits)


def _runs(text: str) -> Iterator[tuple[str, bool]]:
    """Yield each folded word of a text, and whether its script is written without spaces between words.

    If a word contains both kinds of scripts, it is split where the kind changes.
    """
    for word in WORD.findall(_fold(text)):
        for at, part in enumerate(_UNSPACED.split(word)):
            if part:
                yield part, at % 2 == 1


def search_text(body: str) -> str:
    """Return the words by which `body` can be found, separated by single spaces."""
    words: list[str] = []
    for run, unspaced in _runs(body):
        if unspaced:
            words += (run[at : at + 2] for at in range(len(run)))
        else:
            words.append(run[:MAX_TERM])
    return " ".join(words)


def query_terms(q: str) -> list[Term]:
    """Return the terms that a text must contain to match the query `q`.

    The last word also matches longer words that begin with it, so that search works while the user is typing. For this,
    it must have at least two characters of a script with spaces. A single character of a script without spaces matches
    all pairs of characters that begin with it.
    """
    terms: list[Term] = []
    for run, unspaced in _runs(q[:_MAX_QUERY]):
        if not unspaced:
            terms.append(Term(run[:MAX_TERM], prefix=False))
        elif len(run) == 1:
            terms.append(Term(run, prefix=True))
        else:
            terms += (Term(run[at : at + 2], prefix=False) for at in range(len(run) - 1))
    if terms and not _UNSPACED.match(terms[-1].text) and len(terms[-1].text) >= _MIN_PREFIX:
        terms[-1] = Term(terms[-1].text, prefix=True)
    return list(dict.fromkeys(terms))[:MAX_TERMS]


def tag_key(tag: str) -> str:
    """Return the key of a tag. It is the same for "Café", "cafe" and "CAFÉ", and has at most `MAX_TERM` characters."""
    return _fold(tag)[:MAX_TERM]


def fts5_match(terms: Sequence[Term]) -> str:
    """Return an SQLite FTS5 query for texts with all these terms. If there are no terms, the query matches nothing."""
    return " AND ".join(f'"{text}"' + "*" * prefix for text, prefix in terms) or '""'


def tsquery(terms: Sequence[Term]) -> str:
    """Return a PostgreSQL tsquery for texts with all these terms. If there are no terms, the query matches nothing."""
    return " & ".join(f"'{text}'" + ":*" * prefix for text, prefix in terms)
