"""Encode email header fields as folded lines of ASCII (RFC 5322 and RFC 2047). Any text is accepted.

The standard library's email.policy is not used because of two bugs. When it folds a quoted display name, it drops the
quotes (python/cpython#80222). It also decodes encoded words inside a display name, which can turn one recipient into
several.
"""

from __future__ import annotations

import re
from email.header import Header

WIDTH = 76  # columns of a folded line; the limit of a line with an encoded word (RFC 2047, section 2)

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")


def text_field(name: str, text: str) -> str:
    """Return the header field `name` with the value `text`, for example a subject.

    The result does not end in a line break.
    """
    text = _one_line(text)
    return _folded(name, text if _is_plain(text) else _encoded(name, text))


def address_field(name: str, mailboxes: list[tuple[str, str]]) -> str:
    """Return the header field `name` with a list of mailboxes. The result does not end in a line break.

    `mailboxes` are (display name, address) pairs. The addresses must be valid. A display name is quoted or encoded if
    needed, so a comma or a bracket in it never separates addresses.
    """
    return _folded(name, ", ".join(_mailbox(name, display, address) for display, address in mailboxes))


def _mailbox(field: str, display: str, address: str) -> str:
    display = _one_line(display)
    return f"{_phrase(field, display)} <{address}>" if display else address


def _phrase(field: str, display: str) -> str:
    if not _is_plain(display):
        return _encoded(field, display)
    if _ATOMS.fullmatch(display):
        return display
    escaped = display.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _one_line(text: str) -> str:
    return " ".join(_CONTROLS.sub(" ", text).split())


def _is_plain(text: str) -> bool:
    """Return whether the text can be used without encoding.

    Such a text is ASCII, and its words are short enough for a line. The text does not contain "=?", which begins an
    encoded word.
    """
    return text.isascii() and "=?" not in text and all(len(word) < WIDTH // 2 for word in text.split(" "))


def _encoded(field: str, text: str) -> str:
    """Return the text as encoded words (RFC 2047). Email programs ignore the spaces between encoded words."""
    words = Header(text, "utf-8", maxlinelen=WIDTH, header_name=field).encode()
    return " ".join(words.split())


def _folded(name: str, text: str) -> str:
    """Return the header field, broken between words into lines of at most WIDTH columns.

    A word that is longer than a line, such as a long address, is not broken.
    """
    lines = [f"{name}:"]
    for word in text.split(" "):
        if len(lines[-1]) + 1 + len(word) > WIDTH and lines[-1] not in {f"{name}:", ""}:
            lines.append("")
        lines[-1] += f" {word}"
    return "\r\n".join(lines)
