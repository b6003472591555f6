"""What a search found, as a line: the text around the first word that was asked for, and which words these are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from app.text.length import first_graphemes
from app.text.search import WORD, Term, search_text

LENGTH = 200  # characters of an excerpt
BEFORE = 60  # of these, about so many before the first word that was asked for


class Piece(NamedTuple):
    """A stretch of an excerpt, and whether it was asked for."""

    text: str
    is_match: bool


def excerpt(body: str, terms: Sequence[Term]) -> list[Piece]:
    """`body` on one line, cut to LENGTH characters around the first word that one of the terms asks for."""
    line = " ".join(body.split())
    first = next(_matches(line, terms), (0, 0))[0]
    start = line.rfind(" ", 0, first - BEFORE) + 1 if first > BEFORE and len(line) > LENGTH else 0
    shown = first_graphemes(line[start:], LENGTH)
    before, after = "…" * (start > 0), "…" * (start + len(shown) < len(line))
    pieces, at = [Piece(before, is_match=False)], 0
    for begin, end in _matches(shown, terms):
        pieces += [Piece(shown[at:begin], is_match=False), Piece(shown[begin:end], is_match=True)]
        at = end
    pieces.append(Piece(shown[at:] + after, is_match=False))
    return [piece for piece in pieces if piece.text]


def _matches(line: str, terms: Sequence[Term]) -> Iterator[tuple[int, int]]:
    """Where in a line stands what was asked for, by the rules of app/text/search.py."""
    for word in WORD.finditer(line):
        words = search_text(word[0]).split()
        if len(words) == 1:
            if _asked_for(words[0], terms):
                yield word.span()
        elif any(_asked_for(one, terms) for one in words):
            yield from _pairs(word[0], word.start(), terms)


def _pairs(run: str, offset: int, terms: Sequence[Term]) -> Iterator[tuple[int, int]]:
    """The same within a run that is written without spaces, where words are pairs of characters."""
    reached = 0
    for at in range(len(run)):
        pair = search_text(run[at : at + 2]).split()
        if pair and _asked_for(pair[0], terms):
            begin, reached = max(at, reached), min(at + 2, len(run))
            yield offset + begin, offset + reached


def _asked_for(word: str, terms: Sequence[Term]) -> bool:
    return any(word.startswith(term.text) if term.prefix else word == term.text for term in terms)
