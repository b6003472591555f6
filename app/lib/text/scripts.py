"""Character classes for the regular expressions of several text parsers. Use each class inside `[...]`."""

UNSPACED = (
    r"\p{Han}\p{Hiragana}\p{Katakana}\p{Bopomofo}\p{Hangul}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}" "\u30fc\u3099\u309a"
)
"""Scripts that are written without spaces between words, and Hangul, which attaches particles to words."""

EMOJI_PARTS = "\ufe0e\ufe0f\u20e3\U0001f3fb-\U0001f3ff"
"""Characters that may follow the base of an emoji: variation selectors, the keycap, skin tones. Most are marks
(\\p{M}).
"""
