from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.lib.avatars import PALETTE, drawn_avatar_svg, initials
from app.lib.text.length import grapheme_count


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("Ada Lovelace", "AL"), ("ada", "A"), ("susan_b", "SB"), ("mary-jane watson parker", "MP"),
        ("Ольга Иванова", "ОИ"),
        ("Ελένη", "Ε"), ("김민수", "김민"), ("김", "김"), ("王小明", "王"), ("山田 太郎", "山"), ("さくら", "さ"),
        ("علي محمد", "ع"),
        ("דוד לוי", "דל"), ("เอก", "อ"), ("ไทย", "ท"), ("क्षमा देवी", "क्ष"), ("गीता", "गी"),
        ("ßeta", "ß"), ("გიორგი", "გ"),
        ("🎉 party", "🎉"), ("", "?"), ("  ...", "?"), ("\u202e\u200b", "?"), ("9lives", "9"), ("élan vital", "ÉV"),
        ("e" + "\u0301" * 300, "É"),
    ],
)  # fmt: skip
def test_initials_of_a_name(name: str, letters: str) -> None:
    assert initials(name) == letters


def contrast_with_white(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 1.05 / (0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05)


def test_white_letters_are_readable_on_every_color() -> None:
    assert min(map(contrast_with_white, PALETTE)) >= 4.5


def test_avatar_color_depends_on_the_username_only() -> None:
    def colour(svg: str) -> str:
        return svg.split('fill="')[1][:7]

    assert colour(drawn_avatar_svg("susan", "Susan")) == colour(drawn_avatar_svg("SUSAN", "Someone else"))
    assert len({colour(drawn_avatar_svg(f"person{n}", "")) for n in range(200)}) == len(PALETTE)


def test_initials_of_the_username_are_used_without_a_name() -> None:
    assert ">S</text>" in drawn_avatar_svg("susan", "")


def test_right_to_left_initials_are_marked() -> None:
    assert 'direction="rtl"' in drawn_avatar_svg("david", "דוד לוי")


@given(st.text(max_size=60), st.text(max_size=60))
def test_avatar_svg_is_always_small_and_well_formed(username: str, name: str) -> None:
    svg = drawn_avatar_svg(username, name)
    root = ET.fromstring(svg)
    assert [child.tag.split("}")[1] for child in root] == ["rect", "text"]
    assert root[1].text == initials(name or username)
    assert 1 <= grapheme_count(initials(name)) <= 2
    assert len(svg.encode()) < 600
    assert "style=" not in svg


@pytest.mark.parametrize("name", ["<script>", '" onload="x', "&amp;", "</text><script>", "]]>"])
def test_names_are_escaped_in_the_avatar_svg(name: str) -> None:
    assert "script" not in drawn_avatar_svg(name, name)
    ET.fromstring(drawn_avatar_svg(name, name))
