"""Differences between two versions of a text: the usual edits are marked, and no texts take too much work."""

from __future__ import annotations

import random
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.lib.text import differences
from app.lib.text.differences import MAX_WORK, difference

PROSE = {
    "en": "All human beings are born free and equal in dignity and rights. They are endowed with reason and conscience "
    "and should act towards one another in a spirit of brotherhood.\n\n",
    "ar": "يولد جميع الناس أحرارًا متساوين في الكرامة والحقوق. وقد وهبوا عقلًا وضميرًا.\n\n",
    "hi": "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है।\n\n",
    "zh": "人人生而自由,在尊严和权利上一律平等。他们赋有理性和良心,并应以兄弟关系的精神相对待。",
    "th": "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ ต่างมีเหตุผลและมโนธรรม",
}


def marked(old: str, new: str) -> str:
    signs = {"kept": "%s", "added": "[+%s]", "removed": "[-%s]"}
    return "".join(signs[change.kind] % change.text for change in difference(old, new))


@pytest.mark.parametrize(
    ("old", "new", "shown"),
    [
        ("", "", ""),
        ("One tow three", "One two three", "One [-tow][+two] three"),
        ("One two", "One two\n\nEdit: three", "One two[+\n\nEdit: three]"),
        ("One two", "Update: One two", "[+Update: ]One two"),
        ("three four", "three, four", "three[+,] four"),
        ("一二三", "一四三", "一[-二][+四]三"),
        ("Not a word", "😀😀", "[-Not a word][+😀😀]"),
    ],
)
def test_usual_edits_are_marked(old, new, shown):
    assert marked(old, new) == shown


@pytest.mark.parametrize("length", [500, 20_000])
@pytest.mark.parametrize("language", PROSE)
def test_edits_of_prose_are_marked_at_any_length(language, length):
    prose = (PROSE[language] * (length // len(PROSE[language]) + 1))[:length]
    places = [length * tenth // 10 for tenth in range(1, 10)]
    parts = [prose[start:end] for start, end in zip([0, *places], [*places, length], strict=True)]
    new = "X " + " X ".join(parts) + " X"
    pieces = difference(prose, new)
    assert sum(len(piece.text) for piece in pieces if piece.kind == "kept") > 0.7 * length
    assert len(pieces) > 10


@pytest.mark.parametrize("language", PROSE)
def test_rewritten_post_is_marked_word_by_word(language):
    words = differences._WORDS.findall(PROSE[language] * 5)[:120]
    random.Random(1).shuffle(words)
    old, new = "".join(words[:100]), "".join(words[20:])
    assert any(piece.kind == "kept" for piece in difference(old, new))


@given(st.text("ab !\n一", max_size=12), st.text("ab !\n一", max_size=12))
def test_pieces_are_the_two_texts(old, new):
    pieces = difference(old, new)
    assert "".join(piece.text for piece in pieces if piece.kind != "removed") == new
    assert "".join(piece.text for piece in pieces if piece.kind != "added") == old
    assert all(piece.text for piece in pieces)


class Word(str):
    """A word that counts how often it is compared."""

    __slots__ = ()
    compared = 0

    def __eq__(self, other: object) -> bool:
        Word.compared += 1
        return str.__eq__(self, other)  # type: ignore[arg-type]

    __hash__ = str.__hash__


@pytest.mark.parametrize("length", [500, 20_000])
@pytest.mark.parametrize(("one", "other"), [("!+", "!-"), ("!", "+"), ("!?+", "+!"), ("! ", "+ ")])
def test_hostile_texts_take_a_limited_number_of_comparisons(monkeypatch, one, other, length):
    old, new = (one * length)[:length], (other * length)[:length]
    monkeypatch.setattr(differences, "_WORDS", SimpleNamespace(findall=lambda text: [Word(sign) for sign in text]))
    Word.compared = 0
    pieces = difference(old, new)
    assert Word.compared <= MAX_WORK + length
    if one in {"!+", "!"} or length > 500:
        assert pieces == [("removed", old), ("added", new)]
