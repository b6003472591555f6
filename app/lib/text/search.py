"""Search text: one normal form of a text that every database can index and every script can be
found in.

`search_text(body)` is stored beside the body: words separated by single spaces, folded so that
"ecole" finds "École" and "strasse" finds "Straße". Scripts written without spaces between words
(and Korean, whose particles cling to the word) become overlapping pairs of characters, with the
last character of each run by itself, so any stretch of the text can be found, even one character by
prefix. Hashtags and mentions are found by their words; an emoji is a word, and so is a flag. `query_terms(q)` reads a
query by the same rules, and all its terms must be in the text.

Neither engine may cut these words again by rules of its own, or their answers would differ.

SQLite, with `fts5_match(terms)` as :query:

    CREATE VIRTUAL TABLE post_search USING fts5(search_text, tokenize = 'ascii', prefix = '1 2 3 …')
    ... WHERE post_search MATCH :query

The `ascii` tokenizer keeps every non-ASCII character in its word; `unicode61` would break Indic
words at their vowel signs, and knows only the letters of an old Unicode version.

PostgreSQL, with `tsquery(terms)` as :query:

    CREATE INDEX ... USING gin (array_to_tsvector(string_to_array(search_text, ' ')))
    ... WHERE array_to_tsvector(string_to_array(search_text, ' ')) @@ CAST(:query AS tsquery)

This avoids the text search parser, which has rules for numbers, addresses and hyphens. Both
functions are IMMUTABLE, so the expression can be indexed or be a generated column.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import regex

from app.lib.text.length import stream_safe
from app.lib.text.scripts import UNSPACED

MAX_TERMS = 20
"""Terms of a query beyond this number are ignored."""
MAX_TERM = 64
"""Characters of a word beyond this number are ignored, in texts and in queries alike."""
_MAX_QUERY = 2000
_MIN_PREFIX = 2


class Term(NamedTuple):
    """One thing that must be in the text: the word `text`, or with `prefix` any word that begins
    so.
    """

    text: str
    prefix: bool


# Letters whose plain form Unicode does not give by decomposition.
_PLAIN = str.maketrans(
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
    # one letter, typed on an Arabic, Persian or Urdu keyboard; and the stretcher between letters
    | {"\u06cc": "\u064a", "\u0649": "\u064a", "\u06a9": "\u0643", "\u0640": ""}
)
_INVISIBLE = regex.compile(r"\p{Default_Ignorable_Code_Point}+")
# Only where accents and vowel points are dispensable: elsewhere a mark is a vowel or another
# consonant.
_ACCENTS = regex.compile(r"(?<=[\p{Latin}\p{Greek}\p{Cyrillic}\p{Arabic}\p{Hebrew}])\p{Mn}+")
WORD = regex.compile(r"[\p{L}\p{N}][\p{L}\p{M}\p{N}]*|\p{Regional_Indicator}{2}|\p{Extended_Pictographic}")
"""A word, a flag or another emoji."""
_UNSPACED = regex.compile(f"([{UNSPACED}]+)")


def _fold(text: str) -> str:
    visible = _INVISIBLE.sub("", unicodedata.normalize("NFKC", stream_safe(text)))
    lower = unicodedata.normalize("NFKC", visible.casefold()).casefold().translate(_PLAIN)
    plain = _ACCENTS.sub("", unicodedata.normalize("NFD", lower))
    digits = "".join(str(unicodedata.digit(c)) if unicodedata.category(c) == "Nd" else c for c in plain)
    return unicodedata.normalize("NFC", digits)


def _runs(text: str) -> Iterator[tuple[str, bool]]:
    """The words of a text, each cut where its script changes; and whether the part is unspaced."""
    for word in WORD.findall(_fold(text)):
        for at, part in enumerate(_UNSPACED.split(word)):
            if part:
                yield part, at % 2 == 1


def search_text(body: str) -> str:
    """The words under which `body` is to be found, separated by single spaces; "" when there are
    none.
    """
    words: list[str] = []
    for run, unspaced in _runs(body):
        if unspaced:
            words += (run[at : at + 2] for at in range(len(run)))
        else:
            words.append(run[:MAX_TERM])
    return " ".join(words)


def query_terms(q: str) -> list[Term]:
    """What a text must contain to answer the query `q`; an empty list when `q` names nothing.

    The last word is a prefix when its script has spaces and it has two characters or more, so a
    search can run while one types. A single character of an unspaced script is a prefix: of a pair,
    or of the last character of a run.
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
    """The form in which tags are equal: "#Café", "#cafe" and "#CAFÉ" are one. At most `MAX_TERM` characters."""
    return _fold(tag)[:MAX_TERM]


def fts5_match(terms: Sequence[Term]) -> str:
    """The terms as an SQLite FTS5 query string, every word quoted. No terms match nothing."""
    return " AND ".join(f'"{text}"' + "*" * prefix for text, prefix in terms) or '""'


def tsquery(terms: Sequence[Term]) -> str:
    """The terms as a PostgreSQL tsquery, every lexeme quoted. No terms match nothing."""
    return " & ".join(f"'{text}'" + ":*" * prefix for text, prefix in terms)
