"""Length as the reader sees it: a flag, a family emoji or a letter with its accents is one
character.
"""

from __future__ import annotations

import regex

_CLUSTER = regex.compile(r"\X")
_FLAG = regex.compile("[\U0001f1e6-\U0001f1ff]{1,2}")
_PILED = regex.compile(r"(\p{M}{30})\p{M}+")

POINTS_PER_CHARACTER = 10
"""Code points allowed for each permitted character, on average: a family of four has seven."""


def grapheme_count(text: str) -> int:
    """The number of extended grapheme clusters in `text` (Unicode Standard Annex 29)."""
    # Two flag letters are one flag; the expression would look back to the first of them each time.
    return sum(1 for _ in _CLUSTER.finditer(_FLAG.sub("x", text)))


def stream_safe(text: str) -> str:
    """`text` with at most 30 marks on a character (Unicode Standard Annex 15, section 13).

    No language needs more, and the time of normalisation grows with the square of such a pile.
    """
    return _PILED.sub(r"\1", text)


def fits(text: str, limit: int) -> bool:
    """Whether `text` has at most `limit` characters as the reader counts them.

    Marks can be piled on one character without end, so the code points are bounded as well;
    text beyond that bound is not even counted.
    """
    return len(text) <= limit * POINTS_PER_CHARACTER and grapheme_count(text) <= limit


def first_graphemes(text: str, count: int) -> str:
    """The first `count` characters of `text` as the reader counts them, none cut in two."""
    return "".join(_CLUSTER.findall(text[: count * POINTS_PER_CHARACTER * 4])[:count])
