"""Letters that the eye takes for one another, folded to one form.

The idea is the skeleton of Unicode Technical Standard 39, section 4 (confusable detection): two
texts with the same skeleton cannot be told apart with confidence. The table is a conservative part
of it: letters that look alike in ordinary type. Capital and small letters have their own entries,
because a Greek capital Eta looks like an H and a small one like an n.
"""

from __future__ import annotations

import unicodedata

import regex

# target: everything that is read as it. A target is in its final form and is never itself a source.
_READ_AS = {
    "a": "ɑаАαΑ",
    "b": "ЬьВвβΒ",
    "c": "сСϲϹ",
    "d": "ԁԀ",
    "e": "еЕΕҽ",
    "g": "ɡց",
    "h": "һҺНнΗհ",
    "j": "јЈϳͿյ",
    "k": "кКκΚ",
    "l": "1iIıɩіІιΙӀӏւ",
    "n": "пηΝոռ",
    "o": "0оОοΟσօՕ",
    "p": "рРρΡ",
    "q": "ԛԚզ",
    "r": "г",
    "rn": "mMмМΜ",
    "s": "ѕЅՏ",
    "t": "тТτΤ",
    "u": "υսՍ",
    "v": "ѵѴν",
    "vv": "wWԝԜѡѠω",
    "x": "хХχΧ",
    "y": "уУγΥүҮყ",
    "z": "Ζ",
    "3": "зЗʒƷӡӠ",
    "6": "б",
    # Katakana drawn like Han or Hiragana
    "口": "ロ囗",
    "二": "ニ",
    "工": "エ",
    "力": "カ",
    "卜": "ト",
    "夕": "タ",
    "八": "ハ",
    "一": "ー",
    "才": "オ",
    "へ": "ヘ",
    "り": "リ",
    # one letter, typed on an Arabic, Persian or Urdu keyboard
    "ي": "یى",
    "ك": "ک",
    "ه": "ھہ",
}
_FOLD = str.maketrans({source: target for target, group in _READ_AS.items() for source in group})

# Vowel points are optional in these scripts, and hamza carriers are told apart by few readers.
_OPTIONAL_MARKS = regex.compile(r"(?<=[\p{Arabic}\p{Hebrew}])\p{Mn}+")
_DOT_OVER_L = regex.compile("(?<=l)\u0307")


def _digit_by_value(char: str) -> str:
    value = unicodedata.digit(char, None)
    return char if value is None else str(value)


def skeleton(text: str) -> str:
    """What the eye reads in `text`: equal for texts that look alike, whatever their letters.

    Never shown to anyone. Digits count by value, in every numbering system.
    """
    decomposed = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", text))
    plain = _OPTIONAL_MARKS.sub("", "".join(map(_digit_by_value, decomposed)))
    # Twice: case folding makes Latin capitals small, and only then are their small forms in the
    # table.
    folded = plain.translate(_FOLD).casefold().translate(_FOLD)
    return unicodedata.normalize("NFC", _DOT_OVER_L.sub("", folded))
