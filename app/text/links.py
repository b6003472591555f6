"""Web addresses in plain text: where they begin and end, and how they are shown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import urlsplit

import regex
from linkify_it import LinkifyIt

LONGEST = 2048
"""Longer runs of non-space are not looked at: no browser or server agrees on such an address."""
_SHOWN = 40


class Link(NamedTuple):
    """An http or https address at text[start:end]."""

    start: int
    end: int
    url: str


def _finder() -> LinkifyIt:
    finder = LinkifyIt(options={"fuzzy_link": False, "fuzzy_email": False, "fuzzy_ip": False})
    for scheme in ("ftp:", "mailto:", "//"):
        finder.add(scheme, None)
    return finder


_LINKS = _finder()
_RUN = regex.compile(r"\S+")
# East Asian punctuation is never part of an address as typed; the text goes on there.
_STOP = regex.compile(r"[。、，．！？：；「」『』（）【】《》〈〉〔〕｢｣…\u3000]")
# Directional controls could show another address than the one behind it.
_DECEPTIVE = regex.compile(r"[\p{Bidi_Control}\p{Default_Ignorable_Code_Point}\p{Cc}]")


def find_links(text: str) -> Iterator[Link]:
    """The http and https addresses in `text`, in order.

    Each run of non-space is searched by itself, at most `LONGEST` characters long: the finder's
    time grows with the square of the run. Addresses with a user name in them
    ("https://bank.example@evil.example") are left plain, as nobody types them in good faith.
    """
    for run in _RUN.finditer(text):
        if "://" not in run[0] or len(run[0]) > LONGEST:
            continue
        for match in _LINKS.match(run[0]) or ():
            if match.schema not in ("http:", "https:"):
                continue
            url = _STOP.split(run[0][match.index : match.last_index], maxsplit=1)[0].rstrip(".,;:!?'\"*_~")
            if _is_sound(url):
                start = run.start() + match.index
                yield Link(start, start + len(url), url)


def _is_sound(url: str) -> bool:
    if _DECEPTIVE.search(url):
        return False
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and "@" not in parts.netloc and (parts.port is None or parts.port > 0)
    except ValueError:  # a bracket or a port that is none
        return False


def shown_as(url: str) -> str:
    """`url` without its scheme, for the eye; only what follows the host is shortened, never the
    host.
    """
    parts = urlsplit(url)
    rest = url.split("://", 1)[1][len(parts.netloc) :]
    room = max(_SHOWN - len(parts.netloc), 8)
    if rest == "/":
        rest = ""
    return parts.netloc + (rest if len(rest) <= room else rest[: room - 1] + "…")
