"""Text length in characters as readers see them: a flag, a family emoji or an accented letter is one character."""

from __future__ import annotations

import regex

# Two regional indicators are one flag. With \X alone, a run of flags would take quadratic time, because \X looks back
# over the whole run at each indicator.
_CLUSTER = regex.compile(r"\p{RI}{2}[\p{GCB=Extend}\p{GCB=ZWJ}\p{GCB=SpacingMark}]*+|\X")
_PILED = regex.compile(r"(\p{M}{30})\p{M}+")

POINTS_PER_CHARACTER = 10
"""The average number of code points allowed per character. An emoji of a family of four has seven."""


def grapheme_count(text: str) -> int:
    """Count the extended grapheme clusters in `text` (Unicode Standard Annex 29)."""
    return len(_CLUSTER.findall(text))


def stream_safe(text: str) -> str:
    """Return `text` with at most 30 combining marks on each character (Unicode Standard Annex 15, section 13).

    No language needs more marks. The limit saves time, because normalisation takes quadratic time in the number of
    marks on a character.
    """
    return _PILED.sub(r"\1", text)


def fits(text: str, limit: int) -> bool:
    """Return whether `text` has at most `limit` characters, as a reader counts them.

    Each of these characters can consist of any number of code points. Therefore, the number of code points is limited,
    too.
    """
    return len(text) <= limit * POINTS_PER_CHARACTER and grapheme_count(text) <= limit


def first_graphemes(text: str, count: int) -> str:
    """Return the first `count` characters of `text`, as a reader counts them."""
    return "".join(_CLUSTER.findall(text[: count * POINTS_PER_CHARACTER * 4])[:count])
