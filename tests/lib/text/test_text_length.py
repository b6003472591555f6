from __future__ import annotations

import timeit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.lib.text.length import first_graphemes, fits, grapheme_count, stream_safe


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0), ("abc", 3), ("e\u0301", 1), ("👨‍👩‍👧‍👦", 1), ("🇪🇸🇫🇷", 2), ("🇪🇸🇫", 2), ("क्षि", 1), ("한국어", 3),
        ("\u1112\u1161\u11ab", 1), ("a\r\nb", 3), ("👍🏽", 1), ("🏴󠁧󠁢󠁥󠁮󠁧󠁿", 1), ("🇪\u200d🇸", 2),
        ("ก็", 1), ("\0\n", 2),
    ],
)  # fmt: skip
def test_graphemes_are_counted_as_displayed_characters(text: str, count: int) -> None:
    assert grapheme_count(text) == count


def test_combining_marks_cannot_bypass_the_length_limit() -> None:
    assert fits("a" * 500, 500)
    assert not fits("a" * 501, 500)
    assert fits("👨‍👩‍👧‍👦" * 500, 500)
    assert not fits("a" + "\u0301" * 10_000, 500)


@pytest.mark.parametrize("cut", [lambda text: first_graphemes(text, 200), grapheme_count], ids=["cut", "count"])
def test_long_run_of_flags_takes_linear_time(cut) -> None:
    """A grapheme regex looks back over the whole run for each flag: the time is compared with that of letters."""

    def seconds(text: str) -> float:
        return min(timeit.repeat(lambda: cut(text), number=1, repeat=5))

    assert seconds("\U0001f1e6" * 8000) < 30 * seconds("a" * 8000)


@given(st.text(max_size=200), st.integers(1, 20))
def test_truncated_text_is_a_prefix_within_the_limit(text: str, limit: int) -> None:
    head = first_graphemes(text, limit)
    assert text.startswith(head)
    assert grapheme_count(head) <= limit


def test_combining_marks_per_character_are_limited() -> None:
    assert stream_safe("e\u0301") == "e\u0301"
    assert len(stream_safe("e" + "\u0301\u0316" * 5000)) == 31
