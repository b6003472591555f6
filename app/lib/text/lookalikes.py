"""Skeletons of texts. Texts that look alike have the same skeleton.

The idea comes from Unicode Technical Standard 39, section 4 (confusable detection). This module uses a smaller table,
which contains only letters that look alike in common fonts. Capital and small letters have separate entries: the Greek
capital letter Eta looks like an H, but the small one looks like an n.
"""

from __future__ import annotations

import unicodedata

import regex

# target: the characters that look like it, and are replaced by it. A target is never replaced itself.
_READ_AS = {
    "a": "ɑаАαΑ",
    "b": "ЬьВвβΒʙƄƅ",
    "c": "сСϲϹ",
    "d": "ԁԀ",
    "e": "еЕΕҽ",
    "g": "ɡցɢ",
    "h": "һҺНнΗհʜ",
    "j": "јЈϳͿյȷ",
    "k": "кКκΚĸ",
    "l": "1iIıɩɪʟǀіІιΙӀӏւ",
    "n": "пηΝոռɴ",
    "o": "0оОοΟσօՕ",
    "p": "рРρΡƿ",
    "q": "ԛԚզ",
    "r": "гʀ",
    "rn": "mMмМΜ",
    "s": "ѕЅՏ",
    "t": "тТτΤ",
    "u": "υսՍʊ",
    "v": "ѵѴνʋ",
    "vv": "wWԝԜѡѠω",
    "x": "хХχΧ",
    "y": "уУγΥүҮყʏ",
    "z": "Ζ",
    "2": "ƨƧ",
    "3": "зЗʒƷӡӠɜ",
    "5": "ƽƼ",
    "6": "б",
    "8": "ȣȢ",
    # Katakana that look like Han or Hiragana
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
    # the same letter, typed on an Arabic, Persian or Urdu keyboard
    "ي": "یى",
    "ك": "ک",
    "ه": "ھہ",
}
_FOLD = str.maketrans({source: target for target, group in _READ_AS.items() for source in group})

# Vowel points are optional in these scripts, and few readers notice different hamza carriers.
_OPTIONAL_MARKS = regex.compile(r"(?<=[\p{Arabic}\p{Hebrew}])\p{Mn}+")
# A dot above or below a Latin letter, which is barely visible. Other marks may stand between the letter and the dot.
_DOTS = regex.compile(r"(?<=[\p{Latin}]\p{M}*)[\u0307\u0323]")
_SEPARATORS = str.maketrans("", "", "-_")


def _digit_by_value(char: str) -> str:
    value = unicodedata.digit(char, None)
    return char if value is None else str(value)


def skeleton(text: str) -> str:
    """Return the skeleton of `text`, which is the same for texts that look alike. It must not be displayed.

    Digits are replaced by their value, so digits of different numbering systems are equal. Hyphens and underscores are
    removed: "a-b", "ab_" and "ab" have the same skeleton. They are kept in a text that has no other characters.
    """
    decomposed = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", text))
    plain = _OPTIONAL_MARKS.sub("", "".join(map(_digit_by_value, decomposed)))
    # Twice: case folding turns Latin capitals into small letters, which only then match the table.
    folded = plain.translate(_FOLD).casefold().translate(_FOLD)
    plain = unicodedata.normalize("NFC", _DOTS.sub("", unicodedata.normalize("NFD", folded)))
    return plain.translate(_SEPARATORS) or plain
