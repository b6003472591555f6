"""Bootstrap for right-to-left pages, made from its left-to-right style sheet.

Bootstrap's own right-to-left file is not in the package that we have it from. RTLCSS makes it from the same source by
mirroring each declaration that speaks of left and right; this does the same, for what occurs in Bootstrap: names of
properties, the shorthands whose second and fourth value are right and left, corners, words, and movements along x.
What Popper places it measures by itself, so rules for its placements stay as they are.
"""

from __future__ import annotations

import re

_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
_SIDE = re.compile(r"(?<![a-z])(left|right)(?![a-z])")
_MIRROR = {"left": "right", "right": "left"}
_BY_SIDE = frozenset({"margin", "padding", "border-width", "border-color", "border-style", "inset"})
_BY_WORD = frozenset({"float", "clear", "text-align", "transform-origin", "background-position"})
_ALONG_X = re.compile(r"(translateX|translate3d|translate)\((-?)([^,)]+)")
_ZERO = re.compile(r"0[a-z%]*")
# One value of a shorthand; spaces within calc(...) and the like divide nothing.
_VALUE = re.compile(r"(?:[^\s()]|\((?:[^()]|\([^()]*\))*\))+")
_PLACED_BY_POPPER = "popper-placement"


def mirrored(css: str) -> str:
    """The style sheet `css`, minified or not, for pages that are read from right to left."""
    return _RULE.sub(_rule, css)


def _rule(found: re.Match[str]) -> str:
    selector, body = found.groups()
    if _PLACED_BY_POPPER in selector:
        return found[0]
    return selector + "{" + ";".join(map(_declaration, declarations(body))) + "}"


def declarations(body: str) -> list[str]:
    """What stands between the semicolons; one within `url(...)` or a string ends nothing."""
    parts, depth, quote, start = [], 0, "", 0
    for at, char in enumerate(body):
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        elif char == ";" and not depth:
            parts.append(body[start:at])
            start = at + 1
        else:
            depth += (char == "(") - (char == ")")
    return [*parts, body[start:]]


def _declaration(text: str) -> str:
    name, colon, value = text.partition(":")
    key = name.strip()
    if not colon or key.startswith("--"):  # a variable has no side; what uses it has
        return text
    return _exchanged(name) + ":" + _mirrored_value(key, value)


def _exchanged(words: str) -> str:
    return _SIDE.sub(lambda side: _MIRROR[side[0]], words)


def _mirrored_value(key: str, value: str) -> str:
    if key in _BY_SIDE:
        return _reordered(value, (0, 3, 2, 1))  # top, left, bottom, right
    if key == "border-radius":
        return _reordered(value, (1, 0, 3, 2))  # from the top right corner, against the clock
    if key in _BY_WORD:
        return _exchanged(value)
    if key == "transform":
        return _ALONG_X.sub(_moved_back, value)
    return value


def _reordered(value: str, order: tuple[int, ...]) -> str:
    """Four values in another order. Fewer than four say the same for both sides."""
    plain, important, rest = value.partition("!")
    values = _VALUE.findall(plain)
    if len(values) != len(order):
        return value
    return " ".join(values[at] for at in order) + important + rest


def _moved_back(found: re.Match[str]) -> str:
    function, sign, distance = found.groups()
    if _ZERO.fullmatch(distance):
        return found[0]
    return f"{function}({'' if sign else '-'}{distance}"
