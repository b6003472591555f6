"""Mirror Bootstrap's style sheet for right-to-left pages.

Bootstrap's own right-to-left style sheet is not in the Python package. This module mirrors all kinds of declarations
that occur in Bootstrap: property names with "left" or "right", the values "left" and "right", shorthands with values
for four sides or corners, and translations along the x-axis. Rules for Popper stay unchanged, because Popper calculates
positions itself.
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
# One value of a shorthand. Spaces inside calc(...) and other functions do not separate values.
_VALUE = re.compile(r"(?:[^\s()]|\((?:[^()]|\([^()]*\))*\))+")
_PLACED_BY_POPPER = "popper-placement"


def mirrored(css: str) -> str:
    """Return the style sheet `css`, minified or not, mirrored for right-to-left pages."""
    return _RULE.sub(_rule, css)


def _rule(found: re.Match[str]) -> str:
    selector, body = found.groups()
    if _PLACED_BY_POPPER in selector:
        return found[0]
    return selector + "{" + ";".join(map(_declaration, declarations(body))) + "}"


def declarations(body: str) -> list[str]:
    """Split a rule's body at semicolons, except those inside `url(...)` or a string."""
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
    if not colon or key.startswith("--"):  # variables are not mirrored; the properties that use them are
        return text
    return _exchanged(name) + ":" + _mirrored_value(key, value)


def _exchanged(words: str) -> str:
    return _SIDE.sub(lambda side: _MIRROR[side[0]], words)


def _mirrored_value(key: str, value: str) -> str:
    if key in _BY_SIDE:
        return _reordered(value, (0, 3, 2, 1))  # top, left, bottom, right
    if key == "border-radius":
        return _reordered(value, (1, 0, 3, 2))  # order: clockwise from the top left corner
    if key in _BY_WORD:
        return _exchanged(value)
    if key == "transform":
        return _ALONG_X.sub(_moved_back, value)
    return value


def _reordered(value: str, order: tuple[int, ...]) -> str:
    """Return a shorthand's `value` with its four parts in the given order.

    A value with fewer parts is returned unchanged. For example, a margin with fewer than four parts is the same on the
    left and on the right.
    """
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
