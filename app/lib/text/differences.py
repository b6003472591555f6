"""The difference between two versions of a text, word by word."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Literal, NamedTuple

import regex

from app.lib.text.scripts import UNSPACED

MAX_WORK = 2_000_000  # pairs of words that are compared; about as much as two texts of 700 words

# In scripts without spaces between words, each character is a word.
_WORDS = regex.compile(rf"[[\p{{L}}\p{{M}}\p{{N}}_]--[{UNSPACED}]]+|\s+|\X", flags=regex.V1)


class Change(NamedTuple):
    """A piece of a difference: a text that both versions contain, or only the new one, or only the old one."""

    kind: Literal["kept", "added", "removed"]
    text: str


def difference(old: str, new: str) -> Sequence[Change]:
    """Return the pieces of `new` in their order, with the pieces of `old` that it replaces before them.

    If the texts are so long that comparing them would take too long, return the new text as one piece.
    """
    before, after = _WORDS.findall(old), _WORDS.findall(new)
    if len(before) * len(after) > MAX_WORK:
        return [Change("kept", new)]
    pieces: list[Change] = []
    for tag, old_start, old_end, new_start, new_end in SequenceMatcher(
        None, before, after, autojunk=False
    ).get_opcodes():
        if tag == "equal":
            pieces.append(Change("kept", "".join(after[new_start:new_end])))
            continue
        if old_end > old_start:
            pieces.append(Change("removed", "".join(before[old_start:old_end])))
        if new_end > new_start:
            pieces.append(Change("added", "".join(after[new_start:new_end])))
    return pieces
