"""URLs in plain text: find where they begin and end, and shorten them for display."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv6Address
from typing import NamedTuple
from urllib.parse import urlsplit

import regex
from linkify_it import LinkifyIt

from app.lib.text.scripts import EMOJI_PARTS, UNSPACED

MAX_LENGTH = 2048
"""The maximum length of a URL. Servers and browsers reject longer ones."""
_SHOWN = 40


class Link(NamedTuple):
    """An http or https URL at text[start:end]."""

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
# A scheme directly after a letter or digit belongs to another word, unless that script has no spaces ("見てhttps://…").
_SCHEME = regex.compile(
    rf"(?<![[\p{{L}}\p{{M}}\p{{N}}]--[{UNSPACED}{EMOJI_PARTS}\p{{No}}]])(?<![_+])https?:(?=//)",
    flags=regex.V1 | regex.IGNORECASE,
)
# Hosts that the finder does not know but browsers do: IPv6 literals, and names with underscores.
_HOST = regex.compile(r"(?i)(?<=https?:)//(?P<host>\[[0-9a-f:.]{2,45}\]|[\p{L}\p{M}\p{N}.-]*+_[\p{L}\p{M}\p{N}._-]*+)")
# East Asian punctuation is never part of a typed URL; it ends the link.
_STOP = regex.compile(r"[。、，．！？：；「」『』（）【】《》〈〉〔〕｢｣…\u3000]")
# Bidi controls and invisible characters could make a URL look like a different one.
_DECEPTIVE = regex.compile(r"[\p{Bidi_Control}\p{Default_Ignorable_Code_Point}\p{Cc}]")
# Invisible but needed: variation selectors after emoji, joiners between emoji, and joiners within a word.
_NEEDED = regex.compile(
    r"(?<=[\p{Emoji}\p{So}])[\ufe0e\ufe0f]"
    r"|(?<=[\p{Extended_Pictographic}\p{Emoji_Modifier}\ufe0f])\u200d(?=\p{Extended_Pictographic})"
    r"|(?<=[\p{L}\p{M}])[\u200c\u200d](?=[\p{L}\p{M}])"
)


def find_links(text: str) -> Iterator[Link]:
    """Yield the http and https URLs in `text`, from the first to the last.

    URLs that contain a username ("https://bank.example@evil.example") are skipped, because they are used to deceive.
    Parts of the text that have more than `MAX_LENGTH` characters and no space are skipped, too, because searching a
    part takes quadratic time.
    """
    for run in _RUN.finditer(text):
        if "://" in run[0] and len(run[0]) <= MAX_LENGTH:
            yield from _in_run(run[0], run.start())


def _in_run(run: str, offset: int) -> Iterator[Link]:
    # The replacement has the same length, so positions stay valid.
    plain = _HOST.sub(lambda found: "//" + "x" * len(found["host"]), run)
    at = 0
    while scheme := _SCHEME.search(plain, at):
        length = _LINKS.test_schema_at(plain, scheme[0], scheme.end())
        at = scheme.end() + length
        url = _STOP.split(run[scheme.start() : at], maxsplit=1)[0].rstrip(".,;:!?'\"*_~\u200c\u200d")
        if length and _is_valid(url):
            start = offset + scheme.start()
            yield Link(start, start + len(url), url)


def _is_valid(url: str) -> bool:
    try:
        parts = urlsplit(url)
        if not parts.hostname or "@" in parts.netloc or parts.port == 0:
            return False
        if parts.netloc.startswith("["):
            IPv6Address(parts.hostname)
    except ValueError:  # an invalid bracket, port or address
        return False
    return not _DECEPTIVE.search(parts.netloc) and not _DECEPTIVE.search(_NEEDED.sub("", url))


def display_url(url: str) -> str:
    """Return `url` as it is displayed: without its scheme, and shortened if it is long.

    The host is never shortened.
    """
    parts = urlsplit(url)
    rest = url.split("://", 1)[1][len(parts.netloc) :]
    room = max(_SHOWN - len(parts.netloc), 8)
    if rest == "/":
        rest = ""
    return parts.netloc + (rest if len(rest) <= room else rest[: room - 1] + "…")
