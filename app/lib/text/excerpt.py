"""Excerpts for search results: the text around the first matching word, with the matches marked.

To find matches, the text is folded (app/lib/text/search.py), for example to lower case without accents. Folding takes
most of the time, and an author could write a text that is slow to search. Therefore, only a limited amount of text is
folded for each excerpt. If the limit is reached before the first match, the excerpt is the beginning of the text. If
the limit is reached after the first match, the last matches are not marked.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import regex

from app.lib.text.length import first_graphemes
from app.lib.text.search import MAX_TERM, WORD, Term, search_text

LENGTH = 200  # maximum length of an excerpt in characters, as a reader counts them
POINTS = 5 * LENGTH  # maximum length in code points: a family emoji has seven, a letter of most scripts one or two
BEFORE = 60  # approximate number of characters before the first match
# Work is counted in folded code points. A call of `_fold` costs about as much as 16 code points.
PER_CALL = 16
FINDING = 6000  # work to find the first match: enough for 2,000 letters of any script, even if no word repeats
MARKING = 4000  # work to mark the matches in the excerpt
_JOINED = regex.compile(r"[\p{M}\p{Cf}]+")  # attached to the preceding character


class Piece(NamedTuple):
    """A part of an excerpt. `is_match` says whether it matches the query."""

    text: str
    is_match: bool


def excerpt(body: str, terms: Sequence[Term]) -> list[Piece]:
    """Return an excerpt of `body`, on one line: at most LENGTH characters around the first word that matches a term."""
    line = " ".join(body.split())
    first = next(_Search(terms, FINDING).matches(line), (0, 0))[0]
    start = _start(line, first - BEFORE) if first > BEFORE and len(line) > LENGTH else 0
    shown = _shown(line[start:])
    before, after = "…" * (start > 0), "…" * (start + len(shown) < len(line))
    pieces, at = [Piece(before, is_match=False)], 0
    for begin, end in _Search(terms, MARKING).matches(shown):
        pieces += [Piece(shown[at:begin], is_match=False), Piece(shown[begin:end], is_match=True)]
        at = end
    pieces.append(Piece(shown[at:] + after, is_match=False))
    return [piece for piece in pieces if piece.text]


def _start(line: str, near: int) -> int:
    """Return the position in `line` at which the excerpt starts, close to `near`.

    The excerpt starts after a space, if there is one among the BEFORE characters before `near`. Otherwise, it starts at
    `near`, or at the next position that doesn't separate a character from its combining marks.
    """
    space = line.rfind(" ", max(near - BEFORE, 0), near)
    if space >= 0 or near <= BEFORE:
        return space + 1
    joined = _JOINED.match(line, near)
    return joined.end() if joined else near


def _shown(line: str) -> str:
    """Return the first LENGTH characters of a line, as a reader counts them, but at most POINTS code points."""
    cut = line[:POINTS]
    shown = first_graphemes(cut, LENGTH)
    if len(shown) == POINTS < len(line):  # the last character may be incomplete
        return shown.rpartition(" ")[0] or shown
    return shown


class _Search:
    """A search for the words that match the terms. It stops after a limited amount of work.

    Words match by the rules of app/lib/text/search.py.
    """

    def __init__(self, terms: Sequence[Term], work: int) -> None:
        self._terms = terms
        self._work = work
        self._known: dict[str, list[str]] = {}

    def matches(self, line: str) -> Iterator[tuple[int, int]]:
        """Yield the start and the end of each match in a line."""
        for word in WORD.finditer(line):
            if self._work <= PER_CALL:
                return
            self._work -= 1
            words = self._fold(word[0])
            if not any(map(self._asked_for, words)):
                continue
            if len(words) == 1:
                yield word.span()
            else:
                yield from self._pairs(word[0], words, word.start())

    def _pairs(self, run: str, words: list[str], offset: int) -> Iterator[tuple[int, int]]:
        """Yield the start and the end of each match in `run`, a text in a script without spaces.

        `words` are the folded, overlapping pairs of characters of `run`. `offset` is the position of `run` in the line.
        """
        reached = 0
        is_one_to_one = len(words) == len(run) and max(map(len, words)) <= 2
        for at, word in enumerate(words if is_one_to_one else self._one_by_one(run)):
            if word and self._asked_for(word):
                begin, reached = max(at, reached), min(at + 2, len(run))
                yield offset + begin, offset + reached

    def _one_by_one(self, run: str) -> Iterator[str]:
        """Yield, for each character of `run`, the folded pair of this character and the next one.

        This is used if folding changes the length of `run`. In this case, positions in the folded text differ from
        positions in `run`.
        """
        for at in range(len(run)):
            if self._work <= PER_CALL:
                return
            yield next(iter(self._fold(run[at : at + 2])), "")

    def _fold(self, text: str) -> list[str]:
        """Return the folded words of `text`. If the work limit is reached, the end of `text` is left out.

        ASCII text is only converted to lower case. Other results are cached.
        """
        if text.isascii():
            return [text.lower()[:MAX_TERM]]
        known = self._known.get(text)
        if known is None:
            limit = self._work - PER_CALL
            part = unicodedata.normalize("NFKC", text[:limit])[:limit]  # one ligature can stand for 18 letters
            self._work -= PER_CALL + len(part)
            known = self._known[text] = search_text(part).split()
        return known

    def _asked_for(self, word: str) -> bool:
        return any(word.startswith(term.text) if term.prefix else word == term.text for term in self._terms)
